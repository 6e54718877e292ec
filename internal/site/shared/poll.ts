import { backoff, type Random } from "./retry.ts";

/** How a Poller works. */
export interface PollOptions {
  /** Reads once; rejects where that failed. */
  read(): Promise<void>;
  /** Milliseconds from the last read to the next one; undefined stops. Asked anew after each read and by plan(). */
  delay(): number | undefined;
  random?: Random;
}

/** Failed reads wait from 2 s up to a minute. */
const failureBaseMs = 4_000;
const failureCapMs = 60_000;
/** Timers overflow after 24 days (HTML, timers), so that long waits are cut into hours. */
const longestTimerMs = 3_600_000;

/** Poller reads again and again, with back-off after errors, and rests while nobody looks at the page. */
export class Poller {
  readonly #options: PollOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #due: number | undefined;
  #failures = 0;
  #reading = false;
  readonly #stopped = new AbortController();

  constructor(options: PollOptions) {
    this.#options = options;
    const { signal } = this.#stopped;
    document.addEventListener("visibilitychange", () => this.#arm(), { signal });
    addEventListener("online", () => this.#failures > 0 && this.now(), { signal });
  }

  /** Reads no more, for ever. A read that is under way is not cut off. */
  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** How many reads in a row have failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds since the last read was begun, by the steady clock. */
  get sinceLast(): number {
    return performance.now() - this.#last;
  }

  /** Reads at once, hidden or not, unless a read is under way. */
  async now(): Promise<void> {
    if (this.#reading || this.#stopped.signal.aborted) return;
    this.#reading = true;
    clearTimeout(this.#timer);
    this.#last = performance.now();
    try {
      await this.#options.read();
      this.#failures = 0;
    } catch {
      this.#failures++;
    }
    this.#reading = false;
    this.plan();
  }

  /** Asks delay again, for when what it depends on has changed. */
  plan(): void {
    const delay = this.#options.delay();
    if (delay === undefined) {
      this.#due = undefined;
    } else {
      const failed =
        this.#failures > 0 ? backoff(this.#failures - 1, failureBaseMs, failureCapMs, this.#options.random) : 0;
      this.#due = this.#last + Math.max(delay, failed);
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#stopped.signal.aborted) return;
    if (this.#reading || this.#due === undefined || document.visibilityState === "hidden") return;
    const rest = this.#due - performance.now();
    if (rest <= 0) {
      void this.now();
      return;
    }
    this.#timer = setTimeout(() => this.#arm(), Math.min(rest, longestTimerMs));
  }
}
