/** The lines of a sale: who was drawn before the opening comes first, then who came after it. */
export type Line = "draw" | "queue";

/** Where a sale is in its life. */
export type SaleState = "scheduled" | "gathering" | "drawing" | "open" | "paused" | "closed";

/** What everybody may know of a sale. Times are milliseconds since 1970 by the server's clock, spans seconds. */
export interface Status {
  sale: string;
  state: SaleState;
  at: number;
  opens_at: number;
  closes_at?: number;
  /** From when on fans may join before the opening; absent where they may not. */
  draw_from?: number;
  /** The draw of those who came before the opening; count is 0 until their list is closed. */
  draw?: { count: number; commitment?: string; list_sha256?: string; round?: number; seed?: string };
  /** The greatest place that was called; its line is empty where nobody was. */
  front: { line: Line | ""; place: number };
  waiting: number;
  open?: number;
  windows?: number;
  /** Calls a second over the last ten minutes, and over the last one; 0 where nobody was called. */
  pace: number;
  pace_now?: number;
  /** Places beyond the front that nobody has: line, last place, how many. */
  gaps?: [Line, number, number][];
  /** Within so many places of the front a fan has to ask for their own turn, so as not to be taken for gone. */
  near: number;
  /** The longest spans between two questions, of everybody and of those near the front; 0 says nothing. */
  ask: { far: number; near: number };
  version?: number;
}

/** What the server knows of one fan. */
export interface Turn {
  /** waiting: without a place where none was given yet. unknown: the fan has to join again, and is the same fan. */
  state: "waiting" | "called" | "claimed" | "purchased" | "expired" | "left" | "ghost" | "unknown";
  line?: Line;
  place?: number;
  /** Which attempt of the fan this is about. */
  attempt?: number;
  /** Fans before this one, where the server says so. */
  ahead?: number;
  /** When the window ends that the fan was called to or has claimed. Milliseconds since 1970. */
  until?: number;
  purchase_url?: string;
  token?: string;
  renewals_left?: number;
  /** In how many seconds to ask again. */
  ask?: number;
}

/** The server's clock, as far as it is known. Milliseconds. */
export interface Clock {
  /** Milliseconds that never jump. */
  steady(): number;
  /** The server's time since 1970; only good once synced. */
  now(): number;
  readonly synced: boolean;
  /** Whether the device slept, or its clock was set, since the last answer. */
  jumped(): boolean;
  /** Takes the headers Date and Age of an answer, and when the request was sent and answered by steady(). */
  learn(date: string | null, age: string | null, sent: number, received: number): void;
}

/** Where the status of a sale is read. Undefined where there is none yet; rejects where reading failed. */
export interface StatusSource {
  read(clock: Clock): Promise<Status | undefined>;
  /** Whether it wants what join can bring, which spares it the first questions. */
  wants?(): boolean;
  /** Takes what join brought; the status, where that was in it. */
  take?(brought: { readers?: unknown; status?: string }, clock: Clock): Status | undefined;
}

/** Why a fan could not join. */
export type Refusal = "code" | "jwt" | "closed" | "failed";

/** Where a fan stands. none: has not asked to join. wanted: joins as soon as it is possible. joined: has no place yet. */
export type FanState = "none" | "wanted" | "joined" | Exclude<Turn["state"], "unknown">;

/** What is known at one moment. Times are milliseconds since 1970 by the server's clock. */
export interface Snapshot {
  /** Undefined until the first status has come. */
  sale: SaleState | undefined;
  fan: FanState;
  refused: Refusal | undefined;
  opensAt: number | undefined;
  closesAt: number | undefined;
  drawFrom: number | undefined;
  /** Whether those who come before the opening are drawn, and whether this fan is one of them. */
  draws: boolean;
  drawn: boolean;
  line: Line | undefined;
  place: number | undefined;
  /** How many fans come first. */
  ahead: number | undefined;
  /** How much of the way is behind the fan, 0 to 1. */
  progress: number | undefined;
  /** Seconds until the fan's turn. */
  estimate: { low: number; high: number } | undefined;
  /** How many people wait in this sale. */
  waiting: number | undefined;
  /** Until when the fan may claim, or buy. */
  until: number | undefined;
  purchaseURL: string | undefined;
  token: string | undefined;
  renewalsLeft: number | undefined;
  /** Whether the last questions went unanswered. */
  failing: boolean;
  /** When the server wrote what ahead and estimate come from. */
  asOf: number | undefined;
}

/** How a waiting room is reached. */
export interface Options {
  sale: string;
  joinURL: string | URL;
  turnURL: string | URL;
  /** The address of the status object, or another source of it. */
  status: string | URL | StatusSource;
  /**
   * When fans may join, and no longer, where the page was told so beforehand: milliseconds since 1970. It goes by this
   * for as long as no status comes. While a visitor who can join by it decides whether to, nothing is asked, if joining
   * brings the status as well.
   */
  open?: { from: number; to?: number };
  /**
   * Milliseconds over which the joins of those who waited for the opening are spread by chance; 5,000 where nothing is
   * said.
   */
  spread?: number;
  /** A clock that the page has set already; one of its own where nothing is said. */
  clock?: Clock;
  /** Chance, from 0 up to 1. Tests pass their own. */
  random?: () => number;
}

/** How fans show that they may join, where the sale asks for it. */
export interface Pass {
  code?: string | undefined;
  /** The organiser's token. It is kept in memory alone, of all tabs. */
  jwt?: string | undefined;
}
