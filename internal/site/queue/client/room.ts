import { Asking } from "./asking.ts";
import { isOver, snapshotOf } from "./snapshot.ts";
import type { Options, Pass, Refusal, Snapshot } from "./types.ts";

/** JoinRefused says why a fan could not join. */
export class JoinRefused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(`the waiting room did not let the fan join: ${reason}`);
    this.reason = reason;
  }
}

/**
 * WaitingRoom is one fan's way through a sale: join, wait, claim. It asks as rarely as it can, once for all tabs, and
 * remembers on the device who the fan is. It needs a browser.
 */
export class WaitingRoom {
  readonly #asking: Asking;
  readonly #listeners = new Set<(now: Snapshot) => void>();
  readonly #ended = new AbortController();

  constructor(options: Options) {
    this.#asking = new Asking(options, () => {
      const { snapshot } = this;
      for (const listener of [...this.#listeners]) listener(snapshot);
    });
  }

  /** Begins to ask. */
  start(): this {
    this.#asking.start();
    return this;
  }

  /** Stops asking in this tab. The fan keeps their place. */
  close(): void {
    this.#ended.abort();
    this.#asking.close();
    this.#listeners.clear();
  }

  /** The server's time in milliseconds since 1970, as far as it is known. */
  now(): number {
    return this.#asking.now();
  }

  /** Whether there is an organiser's token, of this tab or another. */
  get signedIn(): boolean {
    return this.#asking.jwt !== undefined;
  }

  /** What is known now. */
  get snapshot(): Snapshot {
    return snapshotOf(this.#asking.known, this.#asking.identity.saved, this.now());
  }

  /** Calls back with each change, and returns what ends that. */
  subscribe(changed: (now: Snapshot) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /**
   * Each state from now on, beginning with the present one, until nothing more will happen by itself: purchased, expired,
   * left, ghost, or the sale closed before the fan was called.
   */
  async *wait(): AsyncGenerator<Snapshot, void, undefined> {
    const changes: Snapshot[] = [this.snapshot];
    let wake = (): void => undefined;
    const end = this.subscribe((s) => {
      changes.push(s);
      wake();
    });
    this.#ended.signal.addEventListener("abort", () => wake());
    try {
      while (!this.#ended.signal.aborted) {
        const next = changes.shift();
        if (next !== undefined) {
          yield next;
          if (isOver(next)) return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      end();
    }
  }

  /** The fan's line and place, once there is one. */
  position(): Pick<Snapshot, "line" | "place"> {
    const { line, place } = this.snapshot;
    return { line, place };
  }

  /** How many fans come first, as of the last answer. */
  ahead(): number | undefined {
    return this.snapshot.ahead;
  }

  /** Seconds until the fan's turn, from and to. */
  estimate(): Snapshot["estimate"] {
    return this.snapshot.estimate;
  }

  /**
   * Joins as soon as the sale lets fans in, in whichever tab, even after a reload; resolves when the fan is in. Rejects
   * with JoinRefused. Who has joined keeps their place.
   */
  async join(pass: Pass = {}): Promise<Snapshot> {
    const { identity } = this.#asking;
    this.#asking.jwt = pass.jwt ?? this.#asking.jwt;
    if (identity.saved.ticket === undefined) {
      identity.save({ wanted: this.now(), ...(pass.code === undefined ? {} : { code: pass.code }) });
      this.#asking.want();
    }
    for await (const s of this.wait()) {
      if (s.refused !== undefined) throw new JoinRefused(s.refused);
      if (s.fan !== "wanted") return s;
    }
    throw new JoinRefused("closed");
  }

  /** Joins again at the end of the line, after the fan's turn has passed or they left. */
  rejoin(pass: Pass = {}): Promise<Snapshot> {
    const { identity } = this.#asking;
    const { attempt, turn } = identity.saved;
    identity.save({
      attempt: Math.max(attempt, turn?.attempt ?? 0) + 1,
      ticket: undefined,
      turn: undefined,
      from: undefined,
      drawn: undefined,
    });
    return this.join(pass);
  }

  /** Asks for the fan's own turn now. Rejects where nothing answers, as do claim, renew and leave. */
  async turn(): Promise<Snapshot> {
    await this.#asking.act("look");
    return this.snapshot;
  }

  /** Takes the window that the fan was called to: the snapshot has the purchase URL, unless it was too late. */
  async claim(): Promise<Snapshot> {
    await this.#asking.act("claim");
    return this.snapshot;
  }

  /** Makes the window last longer, as often as the sale allows. */
  async renew(): Promise<Snapshot> {
    await this.#asking.act("renew");
    return this.snapshot;
  }

  /** Gives up place and window; before joining, the wish to join. */
  async leave(): Promise<Snapshot> {
    const { identity } = this.#asking;
    if (identity.saved.ticket === undefined) {
      identity.save({ wanted: undefined, code: undefined });
      this.#asking.update({ refused: undefined });
    } else {
      await this.#asking.act("leave");
    }
    return this.snapshot;
  }
}
