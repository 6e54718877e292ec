// Queries of the API: GraphQL by POST, as JSON.
import { request } from "../../shared/fetch.ts";
import { credential, expired, signOut, viewer } from "./session.ts";
import { config } from "./state.ts";
import type { Viewer } from "./types.ts";

/**
 * What an error means. Those of the API's schema are in extensions.code; LOST is no answer at all, and SIGNED_OUT one to
 * somebody whom the API does not know, or no more.
 */
export type Code =
  "NOT_FOUND" | "BAD_INPUT" | "CONFLICT" | "LIMIT" | "FORBIDDEN" | "UNAVAILABLE" | "LOST" | "SIGNED_OUT";

/** Trouble is why there is no answer. Its message is the API's, in English. */
export class Trouble extends Error {
  readonly code: Code;

  constructor(code: Code, message = "") {
    super(message);
    this.code = code;
  }

  /** Whether the same request may be answered later. */
  get passing(): boolean {
    return this.code === "UNAVAILABLE" || this.code === "LOST";
  }
}

interface Body {
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: (string | number)[]; extensions?: { code?: Code } }[];
}

/** An answer; partial where some of its fields could not be answered, and are null. */
export interface Answered<T> {
  data: T;
  partial: boolean;
}

/** Sends a query or a mutation. It rejects with a Trouble where the field that it is about has no answer. */
export async function ask<T>(field: string, query: string, variables: object): Promise<Answered<T>> {
  if (expired()) return refused("signed_out");
  let response: Response;
  let text: string;
  try {
    response = await request(config.value?.api ?? "", {
      method: "POST",
      headers: { "content-type": "application/json", ...identity() },
      body: JSON.stringify({ query, variables }),
      credentials: "omit",
    });
    text = await response.text();
  } catch (e) {
    throw new Trouble("LOST", String(e));
  }
  const byKey = config.value?.auth.kind === "api_key";
  if (response.status === 401 || (byKey && response.status === 403))
    return refused(byKey ? "key_refused" : "signed_out");
  if (response.status === 403) throw new Trouble("FORBIDDEN");
  const body = response.status === 429 || response.status >= 500 ? undefined : read(text);
  if (body === undefined) throw new Trouble("UNAVAILABLE");
  const { data, errors = [] } = body;
  const wrong = errors.find((e) => e.path === undefined || e.path[0] === field);
  if (data === undefined || data === null || ((data[field] ?? null) === null && wrong !== undefined)) {
    const first = wrong ?? errors[0];
    throw new Trouble(first?.extensions?.code ?? "UNAVAILABLE", first?.message);
  }
  if (data.viewer !== undefined) viewer.value = data.viewer as Viewer;
  return { data: data as T, partial: errors.length > 0 };
}

function identity(): Record<string, string> {
  const known = credential.value ?? "";
  return config.value?.auth.kind === "api_key" ? { "x-api-key": known } : { authorization: `Bearer ${known}` };
}

function refused(why: string): never {
  signOut(why);
  throw new Trouble("SIGNED_OUT");
}

function read(text: string): Body | undefined {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return undefined;
  }
}
