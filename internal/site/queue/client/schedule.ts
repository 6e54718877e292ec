// When a tab asks next. Millions of fans follow these rules, so each of them is money and load.
import { aheadOf, askAt, isNear, most } from "./line.ts";
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
  /** Whether the visitor came so lately that they may still be about to join. */
  undecided: boolean;
  /** Chance of this tab for this question, from 0 up to 1. */
  luck: number;
}

/** How soon to think again where nothing is asked for the moment. */
const recheck = 1_000;
/** While somebody looks at a sale without having joined. */
const idle = 60_000;
/** Before the opening: a quarter of what is left, between these. */
const shortest = 30_000;
const longest = 600_000;
/** Over how long those in the line ask whether the sale has closed. */
const closing = 30_000;
/** A draw is soon done, and everybody waits for it. */
const drawing = 10_000;
/** How many fans a second may ask for their place after the draw. */
const placesPerSecond = 2_000;
/** A window that was given is asked for so often, in case it was given back elsewhere. */
const holding = 60_000;
/** But not more often than this. */
const shortestHold = 5_000;

const terminal: ReadonlySet<FanState> = new Set(["purchased", "expired", "left", "ghost"]);

/** When to read the status next; undefined for not before something changes. */
export function nextStatus(w: Waiting): number | undefined {
  const { status, fan, sale } = w;
  const read = w.statusRead;
  if (status === undefined) return w.now;
  if (read === undefined) {
    // What is only presumed does while the visitor can join by it, which brings the status.
    const joins = sale === "open" && (fan === "none" || fan === "wanted");
    return joins && w.undecided ? w.now + recheck : w.now;
  }
  // A tenth of chance, always added, so that the spans stay the least.
  const after = (span: number) => read + span * (1 + 0.1 * w.luck);
  if (fan === "called" || fan === "claimed" || fan === "purchased") return undefined;
  if (sale === "closed") {
    // By the clock alone: who is in the line asks whether it was put off meanwhile.
    const { closes_at: closes = 0, state } = status;
    if (state === "closed" || closes === 0 || fan === "none" || terminal.has(fan)) return undefined;
    return read < closes ? closes + closing * w.luck : after(idle);
  }
  if (sale === "scheduled" || sale === "gathering") {
    const next = sale === "scheduled" ? (status.draw_from ?? status.opens_at) : status.opens_at;
    const rarer = after(Math.min(longest, Math.max(shortest, (next - read) / 4)));
    return sale === "gathering" ? Math.min(rarer, next + drawing * w.luck) : rarer;
  }
  if (sale === "drawing") return after(drawing);
  if (fan !== "waiting" || sale === "paused") return after(idle);
  // Near the front the fan's own turn says everything, where it says how many are ahead.
  if (near(w) && w.turn?.ahead !== undefined) return after(idle);
  return after(spanOf(w));
}

/** When to ask for the fan's own turn next; undefined for not before something changes. */
export function nextTurn(w: Waiting): number | undefined {
  const { fan, turn } = w;
  if (fan === "none" || fan === "wanted" || terminal.has(fan)) return undefined;
  const far = (w.status?.ask.far || most) * 1000;
  const told = turn?.ask === undefined ? undefined : Math.max(1, turn.ask) * 1000;
  const after = (span: number) => (w.turnRead ?? 0) + span * (1 + 0.1 * w.luck);
  if (fan === "joined") {
    if (w.drawn && (w.sale === "gathering" || w.sale === "drawing" || w.sale === "scheduled")) return undefined;
    if (w.looks > 0) return after(Math.max(told ?? 0, Math.min(60_000, 5_000 * 2 ** Math.min(w.looks - 1, 4))));
    // All who were drawn get their places in one moment, and ask for them one after another.
    const spread = w.drawn ? Math.min(far, ((w.status?.draw?.count ?? 0) / placesPerSecond) * 1000) : 6_000;
    return w.joined + 2_000 + spread * w.luck;
  }
  if (fan === "called" || fan === "claimed") {
    const end = turn?.until === undefined ? Number.POSITIVE_INFINITY : turn.until + 1_000 + 2_000 * w.luck;
    return Math.max((w.turnRead ?? 0) + shortestHold, Math.min(after(holding), end));
  }
  if (w.sale === "closed") return undefined;
  if (near(w)) return after(told ?? spanOf(w));
  // Where no status comes any more, the fan's own turn tells when it is.
  return w.now - (w.status?.at ?? 0) > 3 * far ? after(far) : undefined;
}

/** Whether a waiting fan has to ask for their own turn, or has been passed by the front. */
function near(w: Waiting): boolean {
  const ahead = aheadNow(w);
  return ahead === undefined || w.status === undefined || isNear(w.status, ahead);
}

/** Fans before this one, by whichever of the two answers says it. */
export function aheadNow(w: Pick<Waiting, "status" | "turn">): number | undefined {
  const { status, turn } = w;
  if (turn?.line === undefined || turn.place === undefined || status === undefined) return turn?.ahead;
  const known = aheadOf(status, turn.line, turn.place);
  return turn.ahead === undefined ? known : Math.min(turn.ahead, known);
}

function spanOf(w: Waiting): number {
  const ahead = aheadNow(w);
  return (w.status === undefined || ahead === undefined ? most : askAt(w.status, ahead)) * 1000;
}
