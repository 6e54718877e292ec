// What the visitor does.
import { computed, signal } from "@preact/signals";
import { byBrowser } from "../../shared/hashing.ts";
import { claims, finishSignIn, signIn } from "../../shared/oidc.ts";
import { recall, remember } from "../../shared/storage.ts";
import type { JoinRefused } from "../client/index.ts";
import { provider } from "./sale.ts";
import { unlock } from "./sound.ts";
import { clock, config, now, room, snapshot } from "./state.ts";

/** A line for the visitor: the key of its text. */
export const notice = signal<string>();
/** What is wrong with the code, by its key of texts. */
export const codeError = signal<string>();
export const token = signal<string>();
/** Whether something the visitor asked for is under way. */
export const acting = signal(false);

const fragment = new URLSearchParams(location.hash.slice(1));
const place = (name: string): string => `${name}:${location.pathname}`;
/** What the organiser's link carries, kept for the tab: the address loses it at once. */
const given = (name: "token" | "code"): string | undefined => fragment.get(name) ?? recall(place(name), "tab");
export const code = signal(given("code") ?? "");

/** Whether the visitor has to sign in, or needs a link, before joining. */
export const unknown = computed(() => config.value?.jwt !== undefined && token.value === undefined);

/** Takes codes and tokens out of the address, where a shoulder or a history could see them. */
export function hideSecrets(): void {
  if (!fragment.has("token") && !fragment.has("code")) return;
  for (const name of ["token", "code"] as const) remember(place(name), given(name), "tab");
  history.replaceState(null, "", location.pathname + location.search);
}

/** Finds out who the visitor is, where the sale asks for it. */
export async function identify(): Promise<void> {
  const sale = config.value;
  if (sale?.jwt === undefined) return;
  const from = provider(sale);
  try {
    token.value = (from && (await finishSignIn(from))) ?? given("token");
  } catch {
    notice.value = "sign_in_failed";
  }
  // Only by the server's clock: join knows as well.
  if (clock.synced && Number(claims(token.value ?? "").exp) * 1000 < now.value) return signOut();
  remember(place("token"), token.value, "tab");
  // A page that was loaded again goes on, if it still can: to join, or to join anew where its ticket is lost.
  const fan = snapshot.value?.fan;
  if (token.value === undefined) {
    // Unless another tab has a token: it has told by then.
    if (fan === "wanted") setTimeout(() => room.value?.signedIn || room.value?.leave(), 1_000);
  } else if (fan !== "none" && !passed()) void join();
}

export async function leaveForSignIn(): Promise<void> {
  const from = config.value && provider(config.value);
  if (from === undefined) return;
  try {
    await signIn(from, byBrowser);
  } catch {
    notice.value = "sign_in_failed";
  }
}

function signOut(): void {
  token.value = undefined;
  remember(place("token"), undefined, "tab");
  notice.value = "signed_out";
}

/** Whether the fan's turn is over, so that joining is joining again. */
const passed = (): boolean => ["expired", "ghost", "left"].includes(snapshot.value?.fan ?? "");

/** Joins with what was typed, or joins again. */
export async function join(typed?: string): Promise<void> {
  const entered = room.value;
  if (entered === undefined) return;
  void unlock();
  notice.value = undefined;
  codeError.value = undefined;
  if (typed !== undefined) code.value = typed.trim();
  const again = passed();
  if (config.value?.codes && code.value === "" && !again) {
    codeError.value = "code_missing";
    return;
  }
  const pass = { code: code.value || undefined, jwt: token.value };
  // The snapshot says it too where the room refuses, in whichever tab.
  await (again ? entered.rejoin(pass) : entered.join(pass)).catch(() => undefined);
}

/** Shows why the room refused, in whichever tab it was asked. */
export function refused(reason: JoinRefused["reason"] | undefined): void {
  if (reason === "code") codeError.value = "code_refused";
  else if (reason === "jwt") signOut();
  else if (reason === "failed") notice.value = "failed";
}

/** Does something in the room, and says when nothing answered. */
export async function act(what: "claim" | "renew" | "leave"): Promise<void> {
  if (acting.value) return;
  void unlock();
  acting.value = true;
  notice.value = undefined;
  try {
    await room.value?.[what]();
  } catch {
    notice.value = "act_failed";
  }
  acting.value = false;
}
