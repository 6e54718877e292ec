// The two doors of a waiting room: join and turn. Both are simple requests, which need no preflight.
import { request } from "../../shared/fetch.ts";
import type { Clock, SaleState, Turn } from "./types.ts";

/** What join reads. */
export interface JoinRequest {
  sale: string;
  nonce: string;
  code?: string | undefined;
  jwt?: string | undefined;
  attempt?: number;
  /** Whether to bring what the status table is read with, and the status. */
  watch?: boolean | undefined;
}

/** What join answers to a fan that it let in. ask is seconds. */
export interface Joined {
  ticket: string;
  fan: string;
  sale: string;
  state: SaleState;
  draw?: boolean;
  ask?: number;
  readers?: unknown;
  status?: string;
}

/** An answer: with a value, refused for good by a code, or nothing that could be used. Milliseconds. */
export type Answer<T> =
  | { kind: "good"; value: T }
  | { kind: "refused"; error: string; opensAt?: number | undefined; wait?: number | undefined }
  | { kind: "again"; afterMs?: number | undefined };

/** Posts JSON as plain text, and sets the clock by the answer where the server lets the page read its Date. */
export async function post<T extends Joined | Turn>(url: string | URL, body: object, clock: Clock): Promise<Answer<T>> {
  let response: Response;
  try {
    const sent = clock.steady();
    response = await request(url, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: JSON.stringify(body),
    });
    clock.learn(response.headers.get("date"), response.headers.get("age"), sent, clock.steady());
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.ok) return { kind: "good", value: answer as unknown as T };
    if (response.status !== 429 && response.status < 500 && typeof answer.error === "string") {
      const opensAt = typeof answer.opens_at === "string" ? Date.parse(answer.opens_at) : Number(answer.opens_at);
      const wait = Number(answer.wait);
      return {
        kind: "refused",
        error: answer.error,
        opensAt: opensAt > 0 ? opensAt : undefined,
        wait: wait >= 0 ? wait : undefined,
      };
    }
  } catch {
    // No answer, or one that was cut off or is no JSON.
    return { kind: "again" };
  }
  const after = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return { kind: "again", afterMs: after > 0 ? after * 1000 : undefined };
}
