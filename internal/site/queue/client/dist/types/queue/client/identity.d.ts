import type { Turn } from "./types.ts";
/** What the device remembers of one sale. Times are milliseconds since 1970 by the server's clock. */
export interface Saved {
    /** The fan's secret: it makes a place theirs. */
    nonce: string;
    /** Grows with each return to the end of the line. */
    attempt: number;
    ticket?: string;
    drawn?: boolean;
    /** Since when the fan wants to join and has not. */
    wanted?: number;
    code?: string;
    /** How many fans came first when the fan's place was known first. */
    from?: number;
    turn?: Turn;
}
/** Identity is the memory of one sale on this device. */
export declare class Identity {
    #private;
    saved: Saved;
    constructor(place: string);
    /** Writes changes; undefined removes a member. */
    save(changes: {
        [K in keyof Saved]?: Saved[K] | undefined;
    }): void;
    /** Takes over what another tab has written: storage may show it only later. */
    take(saved: Saved): void;
}
