// How a vote leaves the page.
import type { ServerClock } from "../../shared/clock.ts";
import { request } from "../../shared/fetch.ts";
import { DirectIntake } from "./direct.ts";
import type { VotingWindow } from "./window.ts";

/** A vote as intake and recorder read it. */
export interface Vote {
  voter?: string;
  answer: string;
  question: string;
  ticket?: string;
  rehearsal?: true;
}

/** Why a vote was refused for good. */
export type Refusal = "voter" | "ticket" | "token" | "choice" | "closed" | "not_open" | "failed";

/** What became of a vote. Again means that nothing is known and the same vote may be sent once more. */
export type Outcome =
  | { kind: "accepted"; late: boolean }
  | { kind: "refused"; why: Refusal; opensAt?: number }
  | { kind: "again"; afterMs?: number };

export interface Intake {
  send(vote: Vote): Promise<Outcome>;
  /** Gets what sending will need, where that is known beforehand. */
  prepare(): Promise<void>;
}

/** The intake of a window; token is asked at each vote. closesAt is milliseconds since 1970. */
export function intakeOf(
  window: VotingWindow,
  clock: ServerClock,
  resync: () => Promise<void>,
  closesAt: () => number,
  token: () => string | undefined,
): Intake {
  const { intake } = window;
  return intake.kind === "direct"
    ? new DirectIntake(intake, clock, resync, closesAt)
    : new HTTPIntake(intake.url, intake.kind === "api" && intake.jwt ? token : () => undefined);
}

/** HTTPIntake posts votes to a function URL or an API. */
class HTTPIntake implements Intake {
  readonly #url: string;
  readonly #token: () => string | undefined;

  constructor(url: string, token: () => string | undefined) {
    this.#url = url;
    this.#token = token;
  }

  async prepare(): Promise<void> {}

  async send(vote: Vote): Promise<Outcome> {
    const token = this.#token();
    let response: Response;
    let answer: { error?: string; opens_at?: string; late?: boolean } = {};
    try {
      response = await request(this.#url, {
        method: "POST",
        headers: {
          // Intake reads any type. Of this one a browser asks no leave, so that a vote is one request (Fetch Standard,
          // "CORS-safelisted request-header"); a token is a header of its own, and costs the question.
          "content-type": "text/plain",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(vote),
      });
      answer = (await response.json()) as typeof answer;
    } catch (e) {
      // No answer, or one that was cut off or is no JSON; the status decides where there is one.
      if (!(e instanceof SyntaxError)) return { kind: "again" };
      response = new Response(null, { status: 502 });
    }
    if (response.ok) return { kind: "accepted", late: answer.late === true };
    if (response.status === 429 || response.status >= 500) {
      const after = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
      return { kind: "again", ...(after > 0 ? { afterMs: after * 1000 } : {}) };
    }
    if (response.status === 401) return { kind: "refused", why: "token" };
    const opensAt = Date.parse(answer.opens_at ?? "");
    return {
      kind: "refused",
      why: refusals[answer.error ?? ""] ?? "failed",
      ...(Number.isNaN(opensAt) ? {} : { opensAt }),
    };
  }
}

const refusals: Record<string, Refusal> = {
  voter: "voter",
  ticket: "ticket",
  answer: "choice",
  question: "choice",
  closed: "closed",
  not_open: "not_open",
};
