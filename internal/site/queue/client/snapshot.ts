// What follows from what is known: pure functions.
import type { Saved } from "./identity.ts";
import { estimateOf } from "./line.ts";
import { aheadNow } from "./schedule.ts";
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

export const nothing: Known = {
  status: undefined,
  statusRead: undefined,
  turnRead: undefined,
  refused: undefined,
  failing: false,
  offset: 0,
};

/** What a status says until there is one: when the sale opens and closes. */
export const presumed = (sale: string, opensAt: number, closesAt: number | undefined): Status => ({
  sale,
  state: "scheduled",
  at: 0,
  opens_at: opensAt,
  ...(closesAt === undefined ? {} : { closes_at: closesAt }),
  front: { line: "", place: 0 },
  waiting: 0,
  pace: 0,
  near: 0,
  ask: { far: 0, near: 0 },
});

/** The sale's state at a time: nobody waits for an answer to see that it has opened. */
export function saleAt(status: Status | undefined, now: number): SaleState | undefined {
  if (status === undefined) return undefined;
  if (status.closes_at !== undefined && now >= status.closes_at) return "closed";
  if (status.state !== "scheduled" && status.state !== "gathering") return status.state;
  if (now >= status.opens_at) return status.draw === undefined ? "open" : "drawing";
  return status.draw_from !== undefined && now >= status.draw_from ? "gathering" : status.state;
}

/** Where a fan stands. Who waits without a place has only joined. */
export function fanOf({ ticket, turn, wanted }: Saved): FanState {
  if (ticket === undefined) return wanted === undefined ? "none" : "wanted";
  if (turn === undefined || turn.state === "unknown") return "joined";
  return turn.state === "waiting" && turn.place === undefined ? "joined" : turn.state;
}

/** What a page shows at a time. */
export function snapshotOf(known: Known, saved: Saved, now: number): Snapshot {
  const { status } = known;
  const { turn } = saved;
  const sale = saleAt(status, now);
  const fan = fanOf(saved);
  const ahead = fan === "waiting" ? aheadNow({ status, turn }) : undefined;
  const from = Math.max(saved.from ?? 0, ahead ?? 0);
  const moving = ahead !== undefined && status !== undefined && sale === "open";
  return {
    sale,
    fan,
    refused: known.refused,
    opensAt: status?.opens_at,
    closesAt: status?.closes_at,
    drawFrom: status?.draw_from,
    draws: status?.draw !== undefined,
    drawn: saved.drawn === true,
    line: turn?.line,
    place: turn?.place,
    ahead,
    progress: ahead === undefined ? undefined : from > 0 ? 1 - ahead / from : 1,
    estimate: moving ? estimateOf(ahead, status.pace, status.pace_now ?? 0) : undefined,
    waiting: status?.waiting,
    until: turn?.until,
    purchaseURL: turn?.purchase_url,
    token: turn?.token,
    renewalsLeft: turn?.renewals_left,
    failing: known.failing,
    asOf: status?.at || undefined,
  };
}

/** Whether nothing more will happen by itself. */
export function isOver({ fan, sale }: Snapshot): boolean {
  if (fan === "purchased" || fan === "expired" || fan === "left" || fan === "ghost") return true;
  return sale === "closed" && fan !== "called" && fan !== "claimed";
}
