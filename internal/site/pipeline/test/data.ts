// A pipeline with something in it.
import type { Booking, BookingStatus, Failure, Metric, Run, RunState } from "../page/types.ts";

export interface Described {
  id: string;
  value: string;
  count: number;
  metrics: Metric[] | null;
}

export interface FailedRun extends Run {
  failures: Failure[];
}

const suburbs = [
  "Fitzroy",
  "Carlton",
  "Richmond",
  "Brunswick",
  "Kew",
  "Footscray",
  "Northcote",
  "Hawthorn",
  "St Kilda",
];

/** Figures whose values are spread like prices of homes: most near the lower end, few far above. */
export function prices(count: number): Metric {
  const shares = [2, 9, 24, 41, 52, 49, 40, 31, 24, 18, 13, 10, 7, 5, 4, 3, 2, 1, 0, 1];
  const all = shares.reduce((a, b) => a + b);
  const counts = shares.map((s) => Math.floor((s / all) * count));
  // A bar of one value among thousands can be seen all the same.
  counts[19] = 1;
  counts[4] = (counts[4] ?? 0) + count - counts.reduce((a, b) => a + b);
  const [min, max] = [210_000, 2_410_000];
  const width = (max - min) / shares.length;
  return {
    name: "price",
    count,
    sum: count * 812_400,
    mean: 812_400,
    min,
    max,
    percentiles: [
      { percent: 25, value: 604_000 },
      { percent: 50, value: 742_000 },
      { percent: 99, value: 1_985_000 },
    ],
    histogram: counts.map((c, i) => ({ from: min + i * width, to: min + (i + 1) * width, count: c })),
  };
}

/** Every item has two bedrooms. */
export function bedrooms(count: number): Metric {
  return {
    name: "bedrooms",
    count,
    sum: 2 * count,
    mean: 2,
    min: 2,
    max: 2,
    percentiles: [],
    histogram: [{ from: 2, to: 2, count }],
  };
}

/** So many segments, of 4,200 items down, each with a bit less than the one before. */
export function segmentsOf(n: number): Described[] {
  return Array.from({ length: n }, (_, i) => {
    const round = Math.floor(i / suburbs.length);
    const count = Math.round(4_200 * 0.93 ** i);
    return {
      id: `s${i}`,
      value: `${suburbs[i % suburbs.length]}${round === 0 ? "" : ` ${round + 1}`}`,
      count,
      metrics: [bedrooms(count - 1), prices(count)],
    };
  });
}

export function bookingOf(id: string, status: BookingStatus, made: number, more: Partial<Booking> = {}): Booking {
  return {
    id,
    status,
    segmentId: "s0",
    segmentValue: "Fitzroy",
    runId: "run-2",
    at: new Date(made).toISOString(),
    createdAt: new Date(made).toISOString(),
    generatedAt: null,
    endedAt: null,
    items: 0,
    bytes: 0,
    attempts: 0,
    nextAttemptAt: null,
    reason: null,
    segment: { id: "s0" },
    ...more,
  };
}

export function runOf(id: string, state: RunState, started: number, more: Partial<FailedRun> = {}): FailedRun {
  const at = (ms: number) => new Date(started + ms).toISOString();
  const done = state === "DONE" || state === "FAILED" || state === "CANCELLED";
  return {
    id,
    state,
    reason: null,
    stuck: null,
    prefix: "homes/2027-05-22/",
    replayOf: null,
    failedOnly: false,
    files: 1_000_000,
    ingested: 999_997,
    failed: 3,
    items: 1_002_311,
    segments: 57,
    described: 57,
    gone: 0,
    uploadedAt: at(0),
    startedAt: at(2_000),
    listedAt: state === "LISTING" ? null : at(240_000),
    ingestedAt: done ? at(900_000) : null,
    doneAt: done ? at(1_150_000) : null,
    cost: { bytes: 812_400_000, calls: 1_046_000, writeUnits: 1_002_311, usd: 1.0448 },
    failuresByReason: [
      { reason: "not_json", count: 2 },
      { reason: "empty", count: 1 },
    ],
    failures: [
      { key: "homes/2027-05-22/000017.json", reason: "not_json", detail: "line 3: unexpected end" },
      { key: "homes/2027-05-22/004811.json", reason: "not_json", detail: null },
      { key: "homes/2027-05-22/071204.json", reason: "empty", detail: null },
    ],
    ...more,
  };
}
