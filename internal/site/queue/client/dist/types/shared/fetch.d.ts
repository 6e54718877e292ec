import type { ServerClock } from "./clock.ts";
/** HTTPError is an answer that is no success. */
export declare class HTTPError extends Error {
    readonly status: number;
    constructor(status: number);
}
/** fetch with a time-out. */
export declare function request(url: string | URL, init?: RequestInit): Promise<Response>;
/**
 * Reads a JSON object beside the page and sets the clock by it. The browser asks with If-None-Match, and a 304 brings
 * a new Date as well. Undefined where there is no such object (S3 says 403 to those who may not list).
 */
export declare function getObject<T>(url: URL, clock: Pick<ServerClock, "steady" | "learn">): Promise<T | undefined>;
