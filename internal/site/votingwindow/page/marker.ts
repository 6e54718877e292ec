// What this device remembers of votes: that an identifier voted on a question, and how often; neither the identifier
// nor the answer.
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { encodeBase64url } from "../../shared/base64url.ts";
import { recall, remember } from "../../shared/storage.ts";

interface Marks {
  salt: string;
  /** Salted hash of the identifier → question → votes. */
  votes: Record<string, Record<string, number>>;
}

/** Markers are the marks of one window on this device. All tabs share them. */
export class Markers {
  readonly #place: string;

  /** The address keeps apart windows of one name on one host. */
  constructor(window: string) {
    this.#place = `votes:${location.pathname.replace(/[^/]*$/, "")}:${window}`;
  }

  /** How often the identifier voted on the question. */
  used(voter: string, question: string): number {
    const marks = this.#read();
    return marks.votes[hash(marks, voter)]?.[question] ?? 0;
  }

  add(voter: string, question: string): void {
    const marks = this.#read();
    const own = hash(marks, voter);
    const votes = marks.votes[own] ?? {};
    votes[question] = (votes[question] ?? 0) + 1;
    marks.votes[own] = votes;
    remember(this.#place, JSON.stringify(marks));
  }

  /** Calls back when another tab has voted. */
  watch(changed: () => void): void {
    addEventListener("storage", (e) => e.key === this.#place && changed());
  }

  #read(): Marks {
    try {
      const marks = JSON.parse(recall(this.#place) ?? "") as Marks;
      if (typeof marks.salt === "string" && typeof marks.votes === "object") return marks;
    } catch {
      // Nothing there, or nothing of ours.
    }
    const fresh = { salt: encodeBase64url(crypto.getRandomValues(new Uint8Array(16))), votes: {} };
    remember(this.#place, JSON.stringify(fresh));
    return fresh;
  }
}

function hash(marks: Marks, voter: string): string {
  return encodeBase64url(sha256(utf8ToBytes(`${marks.salt}\n${voter}`)).slice(0, 16));
}
