import { getObject } from "../../shared/fetch.ts";
import { byBrowser } from "../../shared/hashing.ts";
import { StatusBoard } from "../../shared/status.ts";
import type { Clock, Line, SaleState, Status, StatusSource } from "./types.ts";

/** The status as an object at an address, beside the page or on a distribution of its own. */
export function statusObject(url: string | URL): StatusSource {
  return { read: (clock) => getObject<Status>(absolute(url), clock) };
}

/** There are credentials from half an hour before fans may join: earlier the object is asked. Milliseconds. */
const lead = 25 * 60_000;
/** A line of a running sale that is older is of a board that was left behind: it is written every five seconds. */
const oldest = 60_000;

/**
 * The status in a table, by the address of the credentials for it, and the object, which is read where the table is of
 * no use.
 */
export function statusTable(credentials: string | URL, sale: string, object: string | URL): StatusSource {
  const beside = statusObject(object);
  let board: StatusBoard | undefined;
  let last: Status | undefined;
  const boardBy = (clock: Clock) => (board ??= new StatusBoard(absolute(credentials), clock, byBrowser, sale));
  const onBoard = async (clock: Clock): Promise<Status | undefined> => {
    // After a sleep only the object is sure to tell the time: the table need not let a page read its Date.
    if (clock.jumped() || (last?.state === "scheduled" && joins(last) - clock.now() > lead)) return undefined;
    const board = boardBy(clock);
    // What fails once is tried again: next time.
    const line = await board.read().catch(() => undefined);
    if (line === undefined) return undefined;
    const found = readLine(sale, line);
    if (found !== undefined && isFresh(found, clock.now())) return found;
    board.rest();
    return undefined;
  };
  return {
    wants: () => board?.ready !== true,
    take({ readers, status }, clock) {
      boardBy(clock).take(readers);
      const found = readLine(sale, status ?? "");
      return found !== undefined && isFresh(found, clock.now()) ? (last = found) : undefined;
    },
    async read(clock) {
      last = (await onBoard(clock)) ?? (await beside.read(clock)) ?? last;
      return last;
    },
  };
}

/** When fans may join by a status, before the opening. */
const joins = (s: Status): number => s.draw_from ?? s.opens_at;

/** Whether a status is young enough. One of a sale at rest stays as it is. */
function isFresh(s: Status, now: number): boolean {
  return s.state === "closed" || (s.state === "scheduled" && now < joins(s)) || now - s.at < oldest;
}

const absolute = (url: string | URL): URL => new URL(url, globalThis.location?.href);

const states: readonly string[] = ["scheduled", "gathering", "drawing", "open", "paused", "closed"];
const lines: Record<string, Line> = { d: "draw", q: "queue" };

/** The status that a line of the table tells (functions/queue/readers.go, Compact); undefined where it is no such line. */
export function readLine(sale: string, text: string): Status | undefined {
  const [
    at,
    state,
    opens,
    closes,
    from,
    drawn,
    first,
    waiting,
    open,
    windows,
    pace,
    paceNow,
    near,
    far,
    asks,
    ...rest
  ] = text.split(" ");
  const n = (field: string | undefined): number => Number(field || Number.NaN);
  const placeOf = (field = ""): [Line, number] => [lines[field.charAt(0)] ?? "queue", n(field.slice(1))];
  const [line, place] = placeOf(first);
  const numbers = [at, opens, waiting, open, windows, pace, paceNow, near, far, asks].map(n);
  if (!states.includes(state ?? "") || [...numbers, place].some(Number.isNaN)) return undefined;
  return {
    sale,
    state: state as SaleState,
    at: n(at),
    opens_at: n(opens),
    ...(closes === "-" ? {} : { closes_at: n(closes) }),
    ...(from === "-" ? {} : { draw_from: n(from) }),
    ...(drawn === "-" ? {} : { draw: { count: n(drawn) } }),
    front: { line, place },
    waiting: n(waiting),
    open: n(open),
    windows: n(windows),
    pace: n(pace),
    pace_now: n(paceNow),
    gaps: rest.map((gap) => {
      const [last, count] = gap.split("+");
      return [...placeOf(last), n(count)];
    }),
    near: n(near),
    ask: { far: n(far), near: n(asks) },
  };
}
