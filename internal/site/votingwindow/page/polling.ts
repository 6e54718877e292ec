// When the page reads results.json. Viewers cost more than votes, so each rule here is money: see the guide of the page.
import type { Random } from "../../shared/retry.ts";

/** What decides when to read next. Times are milliseconds of the server's clock, spans milliseconds. */
export interface Viewing {
  now: number;
  lastRead: number;
  opensAt: number;
  closesAt: number;
  grace: number;
  final: boolean;
  /** Figures are shown after the close only. */
  afterClose: boolean;
  /** Votes of a rehearsal are cast, so that there is something to see before the opening. */
  rehearsal: boolean;
  /** A fixed span between reads while figures are shown; 0 adapts. */
  refresh: number;
  /** When the viewer came to the results; undefined while they are not shown. */
  arrived: number | undefined;
}

const fast = 5_000;
const fastFor = 30_000;
const slow = 15_000;
/** While the ballot is shown: only to learn that an operator moved the close. */
const idle = 60_000;
/** Pages that wait for one moment spread their reads over so long a time after it. */
const spread = 5_000;
const longestWait = 600_000;

/** When to read next, or undefined for never again. */
export function nextRead(v: Viewing, random: Random = Math.random): number | undefined {
  if (v.final) return undefined;
  // A tenth of chance, always added, so that the spans stay the least.
  const after = (span: number) => v.lastRead + span * (1 + 0.1 * random());
  const soonAfter = (moment: number) => moment + spread * random();
  if (v.afterClose) {
    // There are no figures to read before: once at the close, for it may have been moved, then when they can be final.
    if (v.lastRead < v.closesAt) return soonAfter(v.closesAt);
    if (v.lastRead < v.closesAt + v.grace) return soonAfter(v.closesAt + v.grace);
    return after(slow);
  }
  if (v.refresh > 0 && (v.arrived !== undefined || v.now >= v.closesAt)) return after(v.refresh);
  if (v.now < v.opensAt && !v.rehearsal) {
    // The rarer the farther away; it also makes the clock exact before the opening.
    return after(Math.min(longestWait, Math.max(slow * 2, (v.opensAt - v.lastRead) / 4)));
  }
  if (v.arrived !== undefined) return after(v.now - v.arrived < fastFor ? fast : slow);
  if (v.now >= v.closesAt) return v.lastRead < v.closesAt ? soonAfter(v.closesAt) : after(slow);
  return after(idle);
}
