// Who the visitor is to the API.
import { computed, signal } from "@preact/signals";
import { byScript } from "../../shared/hashing.ts";
import { claims, finishSignIn, signIn } from "../../shared/oidc.ts";
import { recall, remember } from "../../shared/storage.ts";
import { clock, config } from "./state.ts";
import type { Viewer } from "./types.ts";

/** The token or the key, for as long as the tab is open. */
export const credential = signal<string>();
/** Who the API says that it is. */
export const viewer = signal<Viewer>();
/** Why the visitor has to sign in again: the key of its text. */
export const ended = signal<string>();

/** Whether the visitor may book, cancel and replay; until the API has said, nobody may. */
export const mayWrite = computed(() => viewer.value?.mayWrite ?? false);

const place = `credential:${location.pathname}`;

/** Finds out whether the visitor is signed in, or has just done so. */
export async function begin(): Promise<void> {
  const auth = config.value?.auth;
  if (auth === undefined || auth.kind === "iam") return;
  let found = recall(place, "tab");
  try {
    if (auth.kind === "jwt") found = (await finishSignIn(auth)) ?? found;
  } catch {
    ended.value = "sign_in_failed";
  }
  credential.value = found;
  remember(place, found, "tab");
  if (expired()) signOut("signed_out");
}

/** Leaves the page for the sign-in of the API's issuer. */
export async function leaveForSignIn(): Promise<void> {
  const auth = config.value?.auth;
  if (auth?.kind !== "jwt") return;
  ended.value = undefined;
  try {
    await signIn(auth, byScript);
  } catch {
    ended.value = "sign_in_failed";
  }
}

/** Takes the key that the visitor typed. The API says whether it is one. */
export function takeKey(key: string): void {
  ended.value = undefined;
  credential.value = key;
  remember(place, key, "tab");
}

/** Forgets who the visitor is; why is the key of its text. */
export function signOut(why?: string): void {
  credential.value = undefined;
  viewer.value = undefined;
  ended.value = why;
  remember(place, undefined, "tab");
}

/** Whether the token says that its time is over: the API would refuse it. */
export function expired(): boolean {
  const until = credential.value === undefined ? undefined : claims(credential.value).exp;
  return typeof until === "number" && until * 1000 < clock.now();
}
