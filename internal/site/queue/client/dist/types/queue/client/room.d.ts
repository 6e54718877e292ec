import type { Options, Pass, Refusal, Snapshot } from "./types.ts";
/** JoinRefused says why a fan could not join. */
export declare class JoinRefused extends Error {
    readonly reason: Refusal;
    constructor(reason: Refusal);
}
/**
 * WaitingRoom is one fan's way through a sale: join, wait, claim. It asks as rarely as it can, once for all tabs, and
 * remembers on the device who the fan is. It needs a browser.
 */
export declare class WaitingRoom {
    #private;
    constructor(options: Options);
    /** Begins to ask. */
    start(): this;
    /** Stops asking in this tab. The fan keeps their place. */
    close(): void;
    /** The server's time in milliseconds since 1970, as far as it is known. */
    now(): number;
    /** What is known now. */
    get snapshot(): Snapshot;
    /** Calls back with each change, and returns what ends that. */
    subscribe(changed: (now: Snapshot) => void): () => void;
    /**
     * Each state from now on, beginning with the present one, until nothing more will happen by itself: purchased, expired,
     * left, ghost, or the sale closed before the fan was called.
     */
    wait(): AsyncGenerator<Snapshot, void, undefined>;
    /** The fan's line and place, once there is one. */
    position(): Pick<Snapshot, "line" | "place">;
    /** How many fans come first, as of the last answer. */
    ahead(): number | undefined;
    /** Seconds until the fan's turn, from and to. */
    estimate(): Snapshot["estimate"];
    /**
     * Joins as soon as the sale lets fans in, in whichever tab, even after a reload; resolves when the fan is in. Rejects
     * with JoinRefused. Who has joined keeps their place.
     */
    join(pass?: Pass): Promise<Snapshot>;
    /** Joins again at the end of the line, after the fan's turn has passed or they left. */
    rejoin(pass?: Pass): Promise<Snapshot>;
    /** Asks for the fan's own turn now. Rejects where nothing answers, as do claim, renew and leave. */
    turn(): Promise<Snapshot>;
    /** Takes the window that the fan was called to: the snapshot has the purchase URL, unless it was too late. */
    claim(): Promise<Snapshot>;
    /** Makes the window last longer, as often as the sale allows. */
    renew(): Promise<Snapshot>;
    /** Gives up place and window; before joining, the wish to join. */
    leave(): Promise<Snapshot>;
}
