// The server's clock, as far as a page can know it. The device's own clock is never trusted: people set it wrong, and a
// voting window opens for all at one second.

/** Ticks reads the device: steady never jumps, wall is what the device shows. Both in milliseconds. */
export interface Ticks {
  steady(): number;
  wall(): number;
}

/** The browser's own ticks. */
export const deviceTicks: Ticks = { steady: () => performance.now(), wall: () => Date.now() };

/**
 * A difference in milliseconds between wall and steady that only a sleep or a set clock explains; browsers correct
 * smaller ones all the time.
 */
const jumpMs = 2000;

/** ServerClock tells the server's time from the Date and Age headers of its answers. */
export class ServerClock {
  readonly #ticks: Ticks;
  // Bounds of the server's time minus steady. Each answer narrows them, which makes up for the header's whole seconds.
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  #wallAhead: number;

  constructor(ticks: Ticks = deviceTicks) {
    this.#ticks = ticks;
    this.#wallAhead = ticks.wall() - ticks.steady();
  }

  /** Milliseconds on the steady clock, for learn. */
  steady(): number {
    return this.#ticks.steady();
  }

  /** Whether an answer has told the time yet. */
  get synced(): boolean {
    return Number.isFinite(this.#low);
  }

  /** The server's time in milliseconds since 1970; the device's until an answer has told it. */
  now(): number {
    if (!this.synced) return this.#ticks.wall();
    return this.#ticks.steady() + (this.#low + this.#high) / 2;
  }

  /**
   * Learns from one answer: its Date and Age headers, and when the request was sent and answered by steady(). The header
   * names a whole second that the server was in at some moment in between, so a single answer gives the middle of
   * the request, and every other one narrows it. A cache adds Age (RFC 9111, section 5.1), in whole seconds as well.
   */
  learn(date: string | null, age: string | null, sent: number, received: number): void {
    const stamped = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(stamped)) return;
    const aged = Number.parseInt(age ?? "0", 10) || 0;
    const from = stamped + aged * 1000;
    const low = from - received;
    const high = from + (aged > 0 ? 2000 : 1000) - sent;
    const jumped = this.jumped();
    this.#wallAhead = this.#ticks.wall() - this.#ticks.steady();
    if (jumped || low > this.#high || high < this.#low) {
      this.#low = low;
      this.#high = high;
      return;
    }
    this.#low = Math.max(this.#low, low);
    this.#high = Math.min(this.#high, high);
  }

  /** Whether the device slept, or its clock was set, since the last answer: steady may have stood still. */
  jumped(): boolean {
    return Math.abs(this.#ticks.wall() - this.#ticks.steady() - this.#wallAhead) > jumpMs;
  }

  /** Forgets what was learnt; the next answer counts alone. */
  forget(): void {
    this.#low = Number.NEGATIVE_INFINITY;
    this.#high = Number.POSITIVE_INFINITY;
  }
}
