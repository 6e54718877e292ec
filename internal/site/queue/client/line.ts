// The arithmetic of a line: pure functions, the same as the server's (functions/queue/status.go).
import type { Line, Status } from "./types.ts";

interface Place {
  line: string;
  place: number;
}

/** Seconds between two questions, at least and at most, and where nobody can say how long the wait is. */
const least = 5;
export const most = 150;
const unknown = 15;

/** How many fans come before a place; 0 for one that was called or is next. Who was drawn comes before the queue. */
export function aheadOf(status: Status, line: Line, place: number): number {
  const drawn = status.draw?.count ?? 0;
  const front =
    status.front.line === "" ? { line: drawn > 0 ? "draw" : line, place: status.front.place } : status.front;
  if (line === "draw" && front.line !== "draw") return 0;
  let ahead = place - 1 + (line === front.line ? -front.place : drawn - front.place);
  for (const [l, last, count] of status.gaps ?? []) {
    const gap = { line: l, place: last };
    if (before(gap, { line, place }) && before(front, gap)) ahead -= count;
  }
  return Math.max(0, ahead);
}

/** Whether a place is called before another. */
const before = (a: Place, b: Place): boolean => (a.line === b.line ? a.place < b.place : a.line === "draw");

/**
 * Seconds until so many fans were called, from and to, by the paces of the last ten minutes and of the last one (calls a
 * second). Undefined where nobody was called yet.
 */
export function estimateOf(ahead: number, pace: number, paceNow: number): { low: number; high: number } | undefined {
  if (pace <= 0) return undefined;
  const by = [pace, paceNow].filter((p) => p > 0).map((p) => Math.ceil(ahead / p));
  return { low: Math.min(...by), high: Math.max(...by) };
}

/**
 * In how many seconds to ask again: after half of the estimated wait. So a fan far from the front costs little, and
 * who is called learns it in time even where the line moves twice as fast.
 */
export function askAfter(ahead: number, pace: number): number {
  if (pace <= 0) return unknown;
  return Math.min(most, Math.max(least, Math.ceil(Math.ceil(ahead / pace) / 2)));
}

/** askAfter, at most as the status says: it asks those near the front more often. */
export function askAt(status: Status, ahead: number): number {
  const span = Math.min(askAfter(ahead, status.pace), status.ask.far || most);
  return status.ask.near > 0 && isNear(status, ahead) ? Math.min(span, status.ask.near) : span;
}

/** Whether a fan has to ask for their own turn, so as not to be taken for gone. */
export const isNear = (status: Status, ahead: number): boolean => ahead === 0 || ahead < status.near;
