import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { aheadOf, askAfter, askAt, estimateOf } from "../client/line.ts";
import { nextStatus, nextTurn, type Waiting } from "../client/schedule.ts";
import { saleAt } from "../client/snapshot.ts";
import type { Line, Status } from "../client/types.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../../../../functions/queue/testdata/ask.json", import.meta.url), "utf8"),
) as { cases: { why: string; ahead: number; pace: number; ask: number }[] };

test("when to ask again, by the vectors that the functions hold too", () => {
  expect(vectors.cases.length).toBeGreaterThan(10);
  expect(vectors.cases.map((c) => [c.why, askAfter(c.ahead, c.pace)])).toEqual(
    vectors.cases.map((c) => [c.why, c.ask]),
  );
});

const minute = 60_000;
const opens = 10 * minute;
const base: Status = {
  sale: "arena",
  state: "open",
  at: 0,
  opens_at: opens,
  front: { line: "queue", place: 100 },
  waiting: 0,
  pace: 0.5,
  near: 60,
  ask: { far: 120, near: 10 },
};

test("near the front, as often as the status says", () => {
  expect([0, 39, 59, 60, 599].map((ahead) => askAt(base, ahead))).toEqual([5, 10, 10, 60, 120]);
  expect(askAt({ ...base, ask: { far: 60, near: 0 } }, 599)).toBe(60);
});

const gaps: [Line, number, number][] = [
  ["draw", 500, 10],
  ["queue", 20, 5],
];
const draw = { count: 1000 };
const cases: Record<string, [Partial<Status>, Line, number, number]> = {
  "nobody called yet": [{ front: { line: "", place: 0 } }, "queue", 3, 2],
  next: [{ front: { line: "queue", place: 7 } }, "queue", 8, 0],
  called: [{ front: { line: "queue", place: 7 } }, "queue", 5, 0],
  "in the draw": [{ draw, front: { line: "draw", place: 100 } }, "draw", 400, 299],
  "after the draw": [{ draw, front: { line: "draw", place: 100 } }, "queue", 1, 900],
  "after the draw, before anybody": [{ draw, front: { line: "", place: 0 } }, "queue", 2, 1001],
  "passed in the draw": [{ draw, front: { line: "queue", place: 1 } }, "draw", 4, 0],
  "gap of the same line": [{ draw, gaps, front: { line: "draw", place: 100 } }, "draw", 600, 489],
  "gaps of both lines": [{ draw, gaps, front: { line: "draw", place: 100 } }, "queue", 30, 914],
  "gap beyond the place": [{ draw, gaps, front: { line: "draw", place: 100 } }, "draw", 499, 398],
  "gap that the front passed": [{ draw, gaps, front: { line: "queue", place: 25 } }, "queue", 30, 4],
};
for (const [name, [status, line, place, want]] of Object.entries(cases)) {
  test(`ahead: ${name}`, () => {
    expect(aheadOf({ ...base, ...status }, line, place)).toBe(want);
  });
}

test("the estimate ranges between the paces of ten minutes and of one", () => {
  expect(estimateOf(100, 0, 3)).toBeUndefined();
  expect(estimateOf(100, 2, 0)).toEqual({ low: 50, high: 50 });
  expect(estimateOf(100, 2, 4)).toEqual({ low: 25, high: 50 });
  expect(estimateOf(100, 2, 1)).toEqual({ low: 50, high: 100 });
  expect(estimateOf(0, 2, 1)).toEqual({ low: 0, high: 0 });
});

test("the state of a sale changes by the clock, before anybody is told", () => {
  const scheduled: Status = { ...base, state: "scheduled" };
  const drawn: Status = { ...scheduled, draw_from: 5 * minute, draw: { count: 0 } };
  const fifo: Status = { ...scheduled, draw_from: 5 * minute };
  const closing: Status = { ...base, closes_at: 20 * minute };
  expect([opens - 1, opens].map((now) => saleAt(scheduled, now))).toEqual(["scheduled", "open"]);
  expect([0, 5 * minute, opens].map((now) => saleAt(drawn, now))).toEqual(["scheduled", "gathering", "drawing"]);
  expect([5 * minute, opens].map((now) => saleAt(fifo, now))).toEqual(["gathering", "open"]);
  expect([opens, 20 * minute].map((now) => saleAt(closing, now))).toEqual(["open", "closed"]);
  expect(saleAt({ ...base, state: "paused" }, opens)).toBe("paused");
  expect(saleAt(undefined, opens)).toBeUndefined();
});

const now = opens + minute;
const waiting: Waiting = {
  now,
  sale: "open",
  fan: "waiting",
  status: { ...base, at: now },
  turn: { state: "waiting", line: "queue", place: 401 },
  drawn: false,
  statusRead: now,
  turnRead: now,
  joined: now,
  looks: 1,
  undecided: false,
  luck: 0,
};
const near = { state: "waiting", line: "queue", place: 131 } as const;
const scheduled = { sale: "scheduled", fan: "none", turn: undefined } as const;
const joined = { fan: "joined", turn: undefined, looks: 0, turnRead: undefined } as const;
const draws: Status = { ...base, state: "gathering", draw_from: 0, draw: { count: 100_000 } };

// In how many seconds the status, and the fan's own turn, are asked for; with all of the chance after the slash.
const schedule: Record<string, { w: Partial<Waiting>; status: string; turn: string }> = {
  "nothing known": { w: { status: undefined, statusRead: undefined }, status: "0/0", turn: "150/165" },
  far: { w: {}, status: "120/132", turn: "never/never" },
  near: { w: { turn: near }, status: "10/11", turn: "10/11" },
  "near, told how many are ahead": { w: { turn: { ...near, ahead: 30, ask: 7 } }, status: "60/66", turn: "7/7.7" },
  "passed by the front": { w: { turn: { ...near, place: 90 } }, status: "5/5.5", turn: "5/5.5" },
  "far, and no status comes": { w: { status: base }, status: "120/132", turn: "120/132" },
  paused: { w: { sale: "paused" }, status: "60/66", turn: "never/never" },
  closed: { w: { sale: "closed", turn: near }, status: "never/never", turn: "never/never" },
  "closed by the clock": { w: { sale: "closed", now: now + 10_000, status: { ...base, closes_at: now + 10_000 } }, status: "0/30", turn: "never/never" }, // prettier-ignore
  "closed, and not said so": { w: { sale: "closed", now: now + 50_000, statusRead: now + 50_000, status: { ...base, closes_at: now + 10_000 } }, status: "60/66", turn: "never/never" }, // prettier-ignore
  "closed, as it says": { w: { sale: "closed", now: now + 10_000, status: { ...base, state: "closed", closes_at: now + 10_000 } }, status: "never/never", turn: "never/never" }, // prettier-ignore
  "an hour before": { w: { ...scheduled, now: 0, statusRead: 0, status: { ...base, opens_at: 3_600_000 } }, status: "600/660", turn: "never/never" }, // prettier-ignore
  "a minute before": { w: { ...scheduled, now: 0, statusRead: 0, status: { ...base, opens_at: minute } }, status: "30/33", turn: "never/never" }, // prettier-ignore
  "in the draw": { w: { ...joined, sale: "gathering", drawn: true, now: 0, statusRead: 0, status: draws }, status: "150/165", turn: "never/never" }, // prettier-ignore
  "the draw closes": { w: { ...joined, sale: "gathering", drawn: true, now: opens - minute, statusRead: opens - minute, status: draws }, status: "30/33", turn: "never/never" }, // prettier-ignore
  "being drawn": {
    w: { ...joined, sale: "drawing", drawn: true, status: draws },
    status: "10/11",
    turn: "never/never",
  },
  "100,000 were drawn": { w: { ...joined, drawn: true, status: draws }, status: "60/66", turn: "2/52" },
  "just joined": { w: joined, status: "60/66", turn: "2/8" },
  "joined, asked once": { w: { ...joined, turnRead: now, looks: 1 }, status: "60/66", turn: "5/5.5" },
  "joined, asked often": { w: { ...joined, turnRead: now, looks: 9 }, status: "60/66", turn: "60/66" },
  "joined, told to ask later": { w: { ...joined, turn: { state: "waiting", ask: 15 }, turnRead: now, looks: 1 }, status: "60/66", turn: "15/16.5" }, // prettier-ignore
  called: { w: { fan: "called", turn: { ...near, state: "called", until: now + 30_000 } }, status: "never/never", turn: "31/33" }, // prettier-ignore
  claimed: { w: { fan: "claimed", turn: { ...near, state: "claimed", until: now + 300_000 } }, status: "never/never", turn: "60/66" }, // prettier-ignore
  "run out": { w: { fan: "called", turn: { ...near, state: "called", until: now - 9_000 } }, status: "never/never", turn: "5/5" }, // prettier-ignore
  purchased: { w: { fan: "purchased" }, status: "never/never", turn: "never/never" },
  expired: { w: { fan: "expired" }, status: "60/66", turn: "never/never" },
  looking: { w: { fan: "none", turn: undefined }, status: "60/66", turn: "never/never" },
};
for (const [name, { w, status, turn }] of Object.entries(schedule)) {
  test(`the next question: ${name}`, () => {
    const seconds = (next: typeof nextStatus) =>
      [0, 1]
        .map((luck) => {
          const at = { ...waiting, ...w, luck };
          const due = next(at);
          return due === undefined ? "never" : Math.round((due - at.now) / 100) / 10;
        })
        .join("/");
    expect([seconds(nextStatus), seconds(nextTurn)]).toEqual([status, turn]);
  });
}
