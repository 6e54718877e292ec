import type { Saved } from "./identity.ts";
import type { FanState, Refusal, SaleState, Snapshot, Status } from "./types.ts";
/** What the tab that asks tells the others. Times are milliseconds since 1970 by the device's clock. */
export interface Known {
    status: Status | undefined;
    /** When status and turn were answered last. */
    statusRead: number | undefined;
    turnRead: number | undefined;
    refused: Refusal | undefined;
    failing: boolean;
    /** The server's clock minus the device's. */
    offset: number;
}
export declare const nothing: Known;
/** The sale's state at a time: nobody waits for an answer to see that it has opened. */
export declare function saleAt(status: Status | undefined, now: number): SaleState | undefined;
/** Where a fan stands. Who waits without a place has only joined. */
export declare function fanOf({ ticket, turn, wanted }: Saved): FanState;
/** What a page shows at a time. */
export declare function snapshotOf(known: Known, saved: Saved, now: number): Snapshot;
/** Whether nothing more will happen by itself. */
export declare function isOver({ fan, sale }: Snapshot): boolean;
