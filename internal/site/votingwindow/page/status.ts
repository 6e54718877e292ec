// The line by which the status board shows results.
import type { Results } from "./window.ts";

/** A line that is older, in milliseconds, is of a board that was left behind: it is written every half a minute. */
const oldestMs = 60_000;

const statuses = ["waiting", "rehearsal", "open", "closing", "provisional", "final"] as const;

/**
 * The results that a line tells: version, status, as_of, opens_at and closes_at in seconds since 1970, and the figures of
 * each question. Undefined where it is no such line.
 *
 *     5 open 1900000004 1900000000 1900000600.050 vote/anna=7,bruno=5 outfit/red=3,gold=9
 */
export function readLine(line: string): Results | undefined {
  const [version, name, ...rest] = line.split(" ");
  const status = statuses.find((s) => s === name);
  const times = rest.slice(0, 3).map((t) => Number(t) * 1000);
  const figures = rest.slice(3);
  const [asOf, opens, closes] = times;
  if (!Number.isSafeInteger(Number(version)) || status === undefined) return undefined;
  if (asOf === undefined || opens === undefined || closes === undefined || times.some(Number.isNaN)) return undefined;
  const text = (ms: number) => new Date(ms).toISOString();
  const found: Results = {
    status,
    as_of: text(asOf),
    opens_at: text(opens),
    closes_at: text(closes),
    version: Number(version),
  };
  if (figures.length === 0) return found;
  found.total = 0;
  found.questions = {};
  for (const question of figures) {
    const [id, list] = split(question, "/");
    const answers: Record<string, number> = {};
    let total = 0;
    for (const answer of list.split(",")) {
      const [key, votes] = split(answer, "=");
      const n = Number(votes);
      if (votes === "" || !Number.isSafeInteger(n)) return undefined;
      answers[key] = n;
      total += n;
    }
    found.questions[id] = { total, answers };
    found.total += total;
  }
  return found;
}

/** A text before and after the first of a sign. */
function split(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ""] : [text.slice(0, i), text.slice(i + 1)];
}

/** Whether results are young enough at a time of the server, in milliseconds. Final ones do not age. */
export function isFresh(found: Results, now: number): boolean {
  return found.status === "final" || now - Date.parse(found.as_of) < oldestMs;
}
