import type { Clock, SaleState, Turn } from "./types.ts";
/** What join reads. */
export interface JoinRequest {
    sale: string;
    nonce: string;
    code?: string;
    jwt?: string;
    attempt?: number;
}
/** What join answers to a fan that it let in. ask is seconds. */
export interface Joined {
    ticket: string;
    fan: string;
    sale: string;
    state: SaleState;
    draw?: boolean;
    ask?: number;
}
/** An answer: with a value, refused for good by a code, or nothing that could be used. Milliseconds. */
export type Answer<T> = {
    kind: "good";
    value: T;
} | {
    kind: "refused";
    error: string;
    opensAt?: number;
    wait?: number;
} | {
    kind: "again";
    afterMs?: number;
};
/** Posts JSON as plain text, and sets the clock by the answer where the server lets the page read its Date. */
export declare function post<T extends Joined | Turn>(url: string | URL, body: object, clock: Clock): Promise<Answer<T>>;
