import { Identity } from "./identity.ts";
import { type Known } from "./snapshot.ts";
import type { Options } from "./types.ts";
/** What turn can be told to do. */
export type Verb = "look" | "claim" | "renew" | "leave";
export declare class Asking {
    #private;
    readonly identity: Identity;
    constructor(options: Options, changed: () => void);
    get known(): Known;
    start(): void;
    close(): void;
    /** The server's time in milliseconds since 1970. */
    now(): number;
    /** Wants to join, from this tab. */
    want(jwt: string | undefined): void;
    /** Changes what is known, here and in the other tabs. */
    update(changes: Partial<Known>): void;
    /** Asks turn for something at once, and again for a while where nothing answers; then it rejects. */
    act(verb: Verb): Promise<void>;
}
