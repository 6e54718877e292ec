// Who the fan is on this device. All tabs share it, and it survives a reload.
import { encodeBase64url } from "../../shared/base64url.ts";
import { recall, remember } from "../../shared/storage.ts";
import type { Turn } from "./types.ts";

/** What the device remembers of one sale. Times are milliseconds since 1970 by the server's clock. */
export interface Saved {
  /** The fan's secret: it makes a place theirs. */
  nonce: string;
  /** Grows with each return to the end of the line. */
  attempt: number;
  ticket?: string;
  drawn?: boolean;
  /** Since when the fan wants to join and has not. */
  wanted?: number;
  code?: string;
  /** How many fans came first when the fan's place was known first. */
  from?: number;
  turn?: Turn;
}

/** Identity is the memory of one sale on this device. */
export class Identity {
  readonly #place: string;
  saved: Saved;

  constructor(place: string) {
    this.#place = place;
    this.saved = this.#read();
  }

  /** Writes changes; undefined removes a member. */
  save(changes: { [K in keyof Saved]?: Saved[K] | undefined }): void {
    this.saved = Object.fromEntries(
      Object.entries({ ...this.saved, ...changes }).filter(([, v]) => v !== undefined),
    ) as unknown as Saved;
    remember(this.#place, JSON.stringify(this.saved));
  }

  /** Takes over what another tab has written: storage may show it only later. */
  take(saved: Saved): void {
    this.saved = saved;
  }

  #read(): Saved {
    try {
      const saved = JSON.parse(recall(this.#place) ?? "") as Saved;
      if (typeof saved.nonce === "string" && typeof saved.attempt === "number") return saved;
    } catch {
      // Nothing there, or nothing of ours.
    }
    const fresh = { nonce: encodeBase64url(crypto.getRandomValues(new Uint8Array(32))), attempt: 0 };
    remember(this.#place, JSON.stringify(fresh));
    return fresh;
  }
}
