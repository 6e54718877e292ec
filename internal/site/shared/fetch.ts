import type { ServerClock } from "./clock.ts";

/** After how many milliseconds a request counts as failed: longer than a slow phone needs, shorter than patience. */
const timeoutMs = 15_000;

/** HTTPError is an answer that is no success. */
export class HTTPError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

/** fetch with a time-out. */
export function request(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  return fetch(url, { ...init, signal: abort.signal }).finally(() => clearTimeout(timer));
}

/**
 * Reads a JSON object beside the page and sets the clock by it. The browser asks with If-None-Match, and a 304 brings
 * a new Date as well. Undefined where there is no such object (S3 says 403 to those who may not list).
 */
export async function getObject<T>(url: URL, clock: Pick<ServerClock, "steady" | "learn">): Promise<T | undefined> {
  const sent = clock.steady();
  const response = await request(url, { cache: "no-cache", credentials: "same-origin" });
  clock.learn(response.headers.get("date"), response.headers.get("age"), sent, clock.steady());
  if (response.status === 403 || response.status === 404) return undefined;
  if (!response.ok) throw new HTTPError(response.status);
  return (await response.json()) as T;
}
