/** The waiting room's client: one fan's way through a sale, for pages of your own. */
export { aheadOf, askAfter, askAt, estimateOf } from "./line.ts";
export { JoinRefused, WaitingRoom } from "./room.ts";
export { statusObject, statusTable } from "./status.ts";
export type {
  Clock,
  FanState,
  Line,
  Options,
  Pass,
  Refusal,
  SaleState,
  Snapshot,
  Status,
  StatusSource,
  Turn,
} from "./types.ts";
