// What the page asks of the API's schema, functions/pipeline/api/schema.graphql. Times are RFC 3339.

export interface Viewer {
  name: string;
  mayWrite: boolean;
}

/** A page of a list; endCursor is null on the last. */
export interface Connection<T> {
  nodes: T[];
  pageInfo: { endCursor: string | null };
}

export const sorts = ["SIZE_DESC", "SIZE_ASC", "NAME_ASC", "NAME_DESC"] as const;

export interface SegmentsAnswer {
  manifest: { runId: string; uploadedAt: string; items: number; segments: number } | null;
  segments: Connection<{ id: string; value: string; count: number }> & { totalCount: number };
}

export interface Bucket {
  from: number;
  to: number;
  count: number;
}

export interface Metric {
  name: string;
  count: number;
  sum: number;
  mean: number;
  min: number;
  max: number;
  percentiles: { percent: number; value: number }[];
  histogram: Bucket[];
}

export interface Segment {
  id: string;
  value: string;
  count: number;
  runId: string;
  madeAt: string | null;
  metrics: Metric[] | null;
}

export const statuses = ["BOOKED", "GENERATING", "GENERATED", "UPLOADING", "UPLOADED", "FAILED", "CANCELLED"] as const;
export type BookingStatus = (typeof statuses)[number];

/** A booking as the list has it. */
export interface BookingRow {
  id: string;
  status: BookingStatus;
  segmentValue: string;
  at: string;
  endedAt: string | null;
  items: number;
}

export interface Booking extends BookingRow {
  segmentId: string;
  runId: string;
  createdAt: string;
  generatedAt: string | null;
  bytes: number;
  attempts: number;
  nextAttemptAt: string | null;
  reason: string | null;
  /** Null where the current manifest has the segment no more. */
  segment: { id: string } | null;
}

export type RunState = "LISTING" | "INGESTING" | "SEGMENTING" | "DESCRIBING" | "DONE" | "FAILED" | "CANCELLED";

/** A run as the list has it. */
export interface RunRow {
  id: string;
  state: RunState;
  stuck: string | null;
  prefix: string;
  replayOf: string | null;
  failedOnly: boolean;
  files: number;
  ingested: number;
  failed: number;
  startedAt: string | null;
  doneAt: string | null;
}

export interface Run extends RunRow {
  reason: string | null;
  items: number;
  segments: number;
  described: number;
  gone: number;
  uploadedAt: string | null;
  listedAt: string | null;
  ingestedAt: string | null;
  cost: { bytes: number; calls: number; writeUnits: number; usd: number | null };
  failuresByReason: { reason: string; count: number }[];
}

export interface Failure {
  key: string;
  reason: string;
  detail: string | null;
}

/** Whether nothing of a run or a booking changes any more. */
export const over = (state: RunState | BookingStatus): boolean =>
  state === "DONE" || state === "UPLOADED" || state === "FAILED" || state === "CANCELLED";
