import type { FanState, SaleState, Status, Turn } from "./types.ts";
/** What decides when to ask next. Times are milliseconds of the server's clock, spans milliseconds. */
export interface Waiting {
    now: number;
    sale: SaleState | undefined;
    fan: FanState;
    status: Status | undefined;
    turn: Turn | undefined;
    drawn: boolean;
    /** When the status and the fan's own turn were asked for last; undefined for never. */
    statusRead: number | undefined;
    turnRead: number | undefined;
    /** When the fan joined, and how often the own turn was asked for since without a place. */
    joined: number;
    looks: number;
    /** Chance of this tab for this question, from 0 up to 1. */
    luck: number;
}
/** When to read the status next; undefined for not before something changes. */
export declare function nextStatus(w: Waiting): number | undefined;
/** When to ask for the fan's own turn next; undefined for not before something changes. */
export declare function nextTurn(w: Waiting): number | undefined;
/** Fans before this one, by whichever of the two answers says it. */
export declare function aheadNow(w: Pick<Waiting, "status" | "turn">): number | undefined;
