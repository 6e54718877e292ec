// The part that asks: status, join and turn, in one tab for all, as rarely as the schedule allows.
import { ServerClock } from "../../shared/clock.ts";
import { backoff } from "../../shared/retry.ts";
import { type Answer, type Joined, type JoinRequest, post } from "./api.ts";
import { Identity, type Saved } from "./identity.ts";
import { aheadOf } from "./line.ts";
import { nextStatus, nextTurn, type Waiting } from "./schedule.ts";
import { fanOf, type Known, nothing, presumed, saleAt } from "./snapshot.ts";
import { statusObject } from "./status.ts";
import { Tabs } from "./tabs.ts";
import type { Clock, Options, Refusal, Status, StatusSource, Turn } from "./types.ts";

type Question = "join" | "status" | "turn";
/** What turn can be told to do. */
export type Verb = "look" | "claim" | "renew" | "leave";

/** Milliseconds. Failed questions wait from 2 s up to two minutes. */
const failureBase = 4_000;
const failureCap = 120_000;
/** After waking up, coming online or being looked at a tab asks at once, but not more often than this. */
const restless = 5_000;
/** Timers overflow after 24 days (HTML, timers), so that long waits are cut. */
const longestTimer = 3_600_000;
/** For how long a visitor decides whether to join, before the status is asked for that joining would bring. */
const patience = 20_000;
/** What a fan does is tried so often before it fails. */
const tries = 4;

/** Whether whoever was drawn has a place. */
const isPlaced = (s: Status | undefined): boolean => s?.state === "open" || s?.state === "paused";

export class Asking {
  readonly identity: Identity;
  readonly #options: Options;
  readonly #source: StatusSource;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #random: () => number;
  readonly #tabs: Tabs<{ known: Known; saved: Saved; jwt: string | undefined }>;
  readonly #stop = new AbortController();
  #known: Known = nothing;
  /**
   * The organiser's token: for joining, and for joining anew where a ticket is lost. Tabs tell it each other, since
   * another one may be the one that asks.
   */
  jwt: string | undefined;
  #leads = false;
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #luck: number;
  readonly #joinLuck: number;
  readonly #failures: Record<Question, number> = { join: 0, status: 0, turn: 0 };
  /** Not before this time by the steady clock. */
  #notBefore: Record<Question, number> = { join: 0, status: 0, turn: 0 };
  /** When the fan came in, by the steady clock, and how often turn was asked since without a place. */
  #joined = 0;
  #looks = 0;
  /** Requests to turn by number: an answer that a later one has overtaken is out of date. */
  #turnAsked = 0;
  #turnTaken = 0;
  #started = 0;
  #lastAsked = Number.NEGATIVE_INFINITY;

  constructor(options: Options, changed: () => void) {
    this.#options = options;
    this.#clock = options.clock ?? new ServerClock();
    this.#changed = changed;
    this.#random = options.random ?? Math.random;
    this.#luck = this.#random();
    this.#joinLuck = this.#random();
    const { status } = options;
    this.#source = typeof status === "object" && "read" in status ? status : statusObject(status);
    const place = `queue:${options.sale}:${new URL(options.joinURL, location.href).href}`;
    this.identity = new Identity(place);
    this.#tabs = new Tabs(place, {
      leads: (leads) => {
        this.#leads = leads;
        this.#plan();
      },
      told: ({ known, saved, jwt }) => {
        this.#known = known;
        this.jwt = jwt ?? this.jwt;
        this.identity.take(saved);
        this.#changed();
        this.#plan();
      },
      asked: () => (this.#leads || this.jwt) && this.#tell(),
    });
  }

  get known(): Known {
    return this.#known;
  }

  start(): void {
    const { signal } = this.#stop;
    this.#started = this.#joined = this.#clock.steady();
    const stands = fanOf(this.identity.saved);
    if (this.#source.wants?.() && (stands === "none" || stands === "wanted")) {
      this.#known = { ...nothing, ...this.#presumed() };
      this.#changed();
    }
    const looked = () => document.visibilityState === "visible" && this.#hurry();
    document.addEventListener("visibilitychange", looked, { signal });
    addEventListener("pageshow", looked, { signal });
    addEventListener(
      "online",
      () => {
        this.#notBefore = { join: 0, status: 0, turn: 0 };
        this.#hurry();
      },
      { signal },
    );
    // A sleep stops timers and the steady clock, and nothing tells of it.
    this.#pulse = setInterval(() => this.#clock.jumped() && this.#hurry(), 1_000);
    this.#tabs.start();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#pulse);
    this.#leads = false;
    this.#stop.abort();
    this.#tabs.close();
  }

  /** The server's time in milliseconds since 1970. */
  now(): number {
    return this.#clock.synced ? this.#clock.now() : Date.now() + this.#known.offset;
  }

  /** Wants to join, from this tab. */
  want(): void {
    this.#notBefore.join = 0;
    this.#tabs.take();
    this.update({ refused: undefined });
    this.#plan();
  }

  /** Changes what is known, here and in the other tabs. */
  update(changes: Partial<Known>): void {
    const offset = this.#clock.synced ? this.#clock.now() - Date.now() : this.#known.offset;
    this.#known = { ...this.#known, offset, ...changes };
    // What failed last and is not asked any more is nothing that anybody waits for.
    const due = Object.entries(this.#due());
    this.#known.failing = due.some(([q, at]) => at !== undefined && this.#failures[q as Question] > 0);
    this.#tell();
    this.#changed();
  }

  #tell(): void {
    this.#tabs.tell({ known: this.#known, saved: this.identity.saved, jwt: this.jwt });
  }

  /** Asks turn for something at once, and again for a while where nothing answers; then it rejects. */
  async act(verb: Verb): Promise<void> {
    this.#tabs.take();
    for (let n = 0; n < tries; n++) {
      if (n > 0) await new Promise((resolve) => setTimeout(resolve, backoff(n - 1, 1_000, 8_000, this.#random)));
      const answer = await this.#askTurn(verb, false);
      if (answer.kind === "again") continue;
      this.#plan();
      return;
    }
    throw new Error(`the waiting room did not answer: ${verb}`);
  }

  /** When the fan may join, by the server's clock; undefined for not before something changes. */
  #joinAt(): number | undefined {
    const { ticket, wanted } = this.identity.saved;
    const { status, refused } = this.#known;
    if (wanted === undefined || ticket !== undefined || refused !== undefined) return undefined;
    // Join knows the sale as well, where no status comes.
    if (status === undefined) return this.now() + restless - (this.#clock.steady() - this.#started);
    if (saleAt(status, this.now()) === "closed") return undefined;
    const opens = status.draw_from ?? (status.state === "gathering" ? 0 : status.opens_at);
    const from = Math.max(wanted, opens);
    return from + this.#joinLuck * Math.max(0, opens + (this.#options.spread ?? 5_000) - from);
  }

  /** What is due when, by the steady clock; undefined for not before something changes. */
  #due(): Record<Question, number | undefined> {
    const now = this.now();
    const { saved } = this.identity;
    const { status, statusRead, turnRead } = this.#known;
    const device = Date.now();
    // A time that is still to come was noted before the device's clock was set back, and says nothing.
    const read = (at = Infinity) => (at > device ? undefined : at + now - device);
    const steady = this.#clock.steady();
    const waiting: Waiting = {
      now,
      sale: saleAt(status, now),
      fan: fanOf(saved),
      status,
      turn: saved.turn,
      drawn: saved.drawn === true,
      statusRead: read(statusRead),
      turnRead: read(turnRead),
      joined: now + this.#joined - steady,
      looks: this.#looks,
      luck: this.#luck,
      undecided: this.#source.wants?.() === true && steady - this.#started < patience,
    };
    const at = (time: number | undefined, q: Question) =>
      time === undefined ? undefined : Math.max(steady + time - now, this.#notBefore[q]);
    return {
      join: at(this.#joinAt(), "join"),
      status: at(nextStatus(waiting), "status"),
      turn: at(nextTurn(waiting), "turn"),
    };
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (!this.#leads || this.#asking) return;
    const steady = this.#clock.steady();
    const due = Object.values(this.#due()).map((d) => (d ?? Number.POSITIVE_INFINITY) - steady);
    const rest = Math.min(longestTimer, this.#untilMoment(), ...due);
    if (rest <= 0) void this.#ask(false);
    else this.#timer = setTimeout(() => void this.#ask(false), rest);
  }

  /** Milliseconds until the sale's state changes by itself, so that the page learns of it. */
  #untilMoment(): number {
    const { status } = this.#known;
    const now = this.now();
    const rests = [status?.draw_from, status?.opens_at, status?.closes_at].map((m) => (m ?? 0) - now);
    return Math.min(Number.POSITIVE_INFINITY, ...rests.filter((rest) => rest > 0));
  }

  /** Asks what is due; in a hurry also what would be asked later. */
  async #ask(hurry: boolean): Promise<void> {
    if (this.#asking || !this.#leads) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    const now = this.#clock.steady();
    const due = this.#due();
    const ripe = (q: Question) => {
      const at = due[q];
      return at !== undefined && (at <= now || (hurry && q !== "join" && this.#notBefore[q] <= now));
    };
    const asks = [
      ripe("join") && this.#askJoin(),
      ripe("status") && this.#askStatus(),
      ripe("turn") && this.#askTurn("look", true),
    ].filter((a) => a !== false);
    if (asks.length > 0) {
      this.#lastAsked = now;
      this.#luck = this.#random();
    }
    await Promise.all(asks);
    this.#asking = false;
    // The state may have changed without an answer.
    if (asks.length === 0) this.update({});
    this.#plan();
  }

  /** Asks at once, for when the page was away. */
  #hurry(): void {
    if (this.#clock.steady() - this.#lastAsked < restless) this.#plan();
    else void this.#ask(true);
  }

  /** Notes whether a question was answered, and for how long it must not be asked again. */
  #answered(q: Question, good: boolean, afterMs = 0): void {
    this.#failures[q] = good ? 0 : this.#failures[q] + 1;
    const pause = good ? 0 : backoff(this.#failures[q] - 1, failureBase, failureCap, this.#random);
    this.#notBefore[q] = this.#clock.steady() + Math.max(pause, afterMs * (1 + 0.2 * this.#random()));
  }

  async #askStatus(): Promise<void> {
    let found: Status | undefined;
    try {
      found = await this.#source.read(this.#clock);
    } catch {
      // As good as none.
    }
    this.#answered("status", found !== undefined);
    const { status: former } = this.#known;
    if (found === undefined) return this.update(former === undefined ? this.#presumed() : {});
    // A cache may answer with an older one than another has.
    if (found.at < (former?.at ?? 0)) return this.update({ statusRead: Date.now() });
    // Whoever was drawn looks for their place from the end of the draw on.
    if (!isPlaced(former) && isPlaced(found) && this.identity.saved.drawn) this.#joined = this.#clock.steady();
    this.update({ status: found, statusRead: Date.now() });
    this.#noteStart();
  }

  /** What the page was told of the sale beforehand, for as long as no status comes. */
  #presumed(): Partial<Known> {
    const { sale, open } = this.#options;
    return open === undefined ? {} : { status: presumed(sale, open.from, open.to) };
  }

  async #askJoin(): Promise<void> {
    const { nonce, attempt, code } = this.identity.saved;
    const body: JoinRequest = {
      sale: this.#options.sale,
      nonce,
      attempt,
      watch: this.#source.wants?.() || undefined,
      code,
      jwt: this.jwt,
    };
    const answer = await post<Joined>(this.#options.joinURL, body, this.#clock);
    this.#answered("join", answer.kind !== "again", answer.kind === "again" ? answer.afterMs : 0);
    if (answer.kind === "again") return this.update({});
    if (answer.kind === "refused") return this.#refused(answer);
    this.#joined = this.#clock.steady();
    this.#looks = 0;
    this.identity.save({
      ticket: answer.value.ticket,
      drawn: answer.value.draw === true ? true : undefined,
      wanted: undefined,
    });
    const status = body.watch && this.#source.take?.(answer.value, this.#clock);
    this.update({ turnRead: undefined, ...(status ? { status, statusRead: Date.now() } : {}) });
  }

  #refused(answer: Extract<Answer<Joined>, { kind: "refused" }>): void {
    const { status } = this.#known;
    if (answer.error === "not_open") {
      // The opening was moved, or the clocks differ by a moment.
      const wait = answer.wait ?? Math.max(0, (answer.opensAt ?? 0) - this.now()) + restless * this.#random();
      this.#notBefore.join = this.#clock.steady() + Math.max(500, wait);
      const moved = status !== undefined && status.draw_from === undefined && answer.opensAt !== undefined;
      return this.update(moved ? { status: { ...status, opens_at: answer.opensAt as number } } : {});
    }
    const reason = (["code", "jwt", "closed"] as const).find((w) => w === answer.error);
    this.identity.save({ wanted: undefined, ...(reason === "code" ? { code: undefined } : {}) });
    this.update({ refused: (reason ?? "failed") satisfies Refusal });
  }

  /** One request to turn, and what follows from its answer. */
  async #askTurn(verb: Verb, byItself: boolean): Promise<Answer<Turn>> {
    const { ticket } = this.identity.saved;
    if (ticket === undefined) return { kind: "refused", error: "ticket" };
    const nth = ++this.#turnAsked;
    const answer = await post<Turn>(this.#options.turnURL, { ticket, do: verb }, this.#clock);
    this.#answered("turn", answer.kind !== "again", answer.kind === "again" ? answer.afterMs : 0);
    // Another tab may have taken over meanwhile, and the fan may have acted there or joined again.
    const late = nth < this.#turnTaken || (byItself && !this.#leads) || this.identity.saved.ticket !== ticket;
    if (late) return answer;
    if (answer.kind === "again") this.update({});
    else {
      this.#turnTaken = nth;
      this.#looks++;
      // The message was lost, or the sale signs with another key by now: the same fan comes again, to the same place.
      const lost = answer.kind === "good" ? answer.value.state === "unknown" : answer.error === "ticket";
      if (lost) this.identity.save({ ticket: undefined, turn: undefined, wanted: this.now() });
      else if (answer.kind === "good") this.#takeTurn(answer.value);
      this.update({ turnRead: Date.now() });
    }
    return answer;
  }

  #takeTurn(turn: Turn): void {
    const { attempt, turn: before } = this.identity.saved;
    // The record may still be the one of a former attempt.
    const former = turn.attempt !== undefined && turn.attempt < attempt;
    // What a claim has given is not given again with each look.
    const kept = turn.state === "claimed" && before?.state === "claimed" ? before : {};
    this.identity.save({ turn: former ? { state: "waiting", attempt } : { ...kept, ...turn } });
    this.#noteStart();
  }

  /** Keeps how many came first when the place became known, for the progress. */
  #noteStart(): void {
    const { turn, from } = this.identity.saved;
    const { status } = this.#known;
    if (from !== undefined || turn?.line === undefined || turn.place === undefined || status === undefined) return;
    this.identity.save({ from: turn.ahead ?? aheadOf(status, turn.line, turn.place) });
  }
}
