import type { Line, Status } from "./types.ts";
/** How many fans come before a place; 0 for one that was called or is next. Who was drawn comes before the queue. */
export declare function aheadOf(status: Status, line: Line, place: number): number;
/**
 * Seconds until so many fans were called, from and to, by the paces of the last ten minutes and of the last one (calls a
 * second). Undefined where nobody was called yet.
 */
export declare function estimateOf(ahead: number, pace: number, paceNow: number): {
    low: number;
    high: number;
} | undefined;
/**
 * In how many seconds to ask again: after half of the estimated wait. So a fan far from the front costs little, and
 * who is called learns it in time even where the line moves twice as fast.
 */
export declare function askAfter(ahead: number, pace: number): number;
/** askAfter, at most as the status says: it asks those near the front more often. */
export declare function askAt(status: Status, ahead: number): number;
/** Whether a fan has to ask for their own turn, so as not to be taken for gone. */
export declare const isNear: (status: Status, ahead: number) => boolean;
