// From an identifier to an accepted vote.
import { computed, signal } from "@preact/signals";
import { byScript } from "../../shared/hashing.ts";
import { claims, finishSignIn, signIn } from "../../shared/oidc.ts";
import { backoff, pause } from "../../shared/retry.ts";
import { recall, remember } from "../../shared/storage.ts";
import { type Intake, intakeOf, type Outcome, type Refusal, type Vote } from "./intake.ts";
import { Markers } from "./marker.ts";
import {
  clock,
  closesAt,
  config,
  fragment,
  grace,
  now,
  online,
  opensAt,
  phase,
  refresh,
  rehearsal,
  reloadWindow,
  step,
} from "./state.ts";
import { byToken, provider, type Question } from "./window.ts";

/** A line for the voter: the key of its text. */
export interface Notice {
  tone: "good" | "error" | "plain";
  key: string;
}

export const notice = signal<Notice>();
/** What is wrong with a field, by its key of texts. */
export const fieldError = signal<{ field: "voter" | "ticket"; key: string }>();
/** Questions that were sent without an answer chosen. */
export const missing = signal(false);
export const voter = signal("");

/** What the organiser's link carries, kept for the tab: the address loses it at once. */
const given = (name: "token" | "ticket"): string | undefined => fragment.get(name) ?? recall(place(name), "tab");
const place = (name: string): string => `${name}:${location.pathname}`;

export const ticket = signal(given("ticket") ?? "");
/** Whether the ticket came with the address, so that nobody has to type it. */
export const ticketGiven = ticket.value !== "";
export const token = signal<string>();
export const choices = signal<Record<string, string>>({});
/** What was voted since the page was opened: question → answer. */
export const mine = signal<Record<string, string>>({});
export const sending = signal<"no" | "first" | "again">("no");

let markers: Markers | undefined;
let intake: Intake | undefined;
const marked = signal(0);

/** Who votes, for this device's memory. */
const self = computed(() => (token.value === undefined ? voter.value : String(claims(token.value).sub ?? token.value)));

/** How many votes the voter has left on a question, as far as this device knows. */
export function left(q: Question): number {
  void marked.value;
  if (config.value === undefined || markers === undefined || self.value === "") return 1;
  return Math.max(0, config.value.votes_per_voter - (rehearsal.value ? 0 : markers.used(self.value, q.id)));
}

export const identified = computed(() => step.value !== "identify" && self.value !== "");
const replaces = computed(() => config.value?.revote === "replace");
/** The questions that the voter can vote on now. */
export const votable = computed(() => (config.value?.questions ?? []).filter((q) => replaces.value || left(q) > 0));
export const voted = computed(() =>
  (config.value?.questions ?? []).some((q) => left(q) < (config.value?.votes_per_voter ?? 1)),
);

/** Gets ready once window.json is there. */
export async function startVoting(): Promise<void> {
  const window = config.value;
  if (window === undefined) return;
  markers = new Markers(window.name);
  markers.watch(otherTab);
  intake = intakeOf(
    window,
    clock,
    refresh,
    () => closesAt.value,
    () => token.value,
  );
  addEventListener("beforeunload", (e) => sending.value !== "no" && e.preventDefault());
  prepareBeforeOpening();
  if (byToken(window)) await findToken();
}

/** Takes tickets and tokens out of the address, where a shoulder or a history could see them. */
export function hideSecrets(): void {
  if (!fragment.has("token") && !fragment.has("ticket")) return;
  remember(place("ticket"), given("ticket"), "tab");
  remember(place("token"), given("token"), "tab");
  const rest = new URLSearchParams(fragment);
  rest.delete("token");
  rest.delete("ticket");
  const hash = rest.size > 0 ? `#${rest}` : "";
  history.replaceState(null, "", location.pathname + location.search + hash);
}

async function findToken(): Promise<void> {
  const window = config.value;
  const from = window && provider(window);
  try {
    token.value = (from && (await finishSignIn(from))) ?? given("token");
  } catch {
    notice.value = { tone: "error", key: "sign_in_failed" };
  }
  const expires = token.value === undefined ? undefined : claims(token.value).exp;
  if (typeof expires === "number" && expires * 1000 < clock.now()) return signOut();
  remember(place("token"), token.value, "tab");
  if (token.value !== undefined) proceed();
}

function signOut(): void {
  token.value = undefined;
  remember(place("token"), undefined, "tab");
  step.value = "identify";
  notice.value = { tone: "error", key: "signed_out" };
}

/** Goes to the sign-in of the window's provider. */
export async function leaveForSignIn(): Promise<void> {
  const from = config.value && provider(config.value);
  try {
    if (from) await signIn(from, byScript);
  } catch {
    notice.value = { tone: "error", key: "sign_in_failed" };
  }
}

/** Gets credentials at a moment of the last five minutes before the opening, each page at another one. */
function prepareBeforeOpening(): void {
  const until = opensAt.value - clock.now();
  if (until <= 0) return;
  const wait = until - Math.random() * Math.min(until, 300_000);
  // Longer timers overflow (HTML, timers); such a page gets them when it votes.
  if (wait < 2 ** 31) setTimeout(() => void intake?.prepare(), wait);
}

/** Takes the identifier; the server alone can say whether it exists. */
export function identify(typed: string, typedTicket: string): void {
  const rule = config.value?.voter;
  const identifier = typed.trim();
  const pattern = rule?.pattern;
  fieldError.value = undefined;
  notice.value = undefined;
  voter.value = identifier;
  ticket.value = typedTicket.trim();
  if (identifier === "") fieldError.value = { field: "voter", key: "voter_missing" };
  else if (pattern !== undefined && !matches(pattern, identifier))
    fieldError.value = { field: "voter", key: "voter_invalid" };
  else if (rule?.ticket && ticket.value === "") fieldError.value = { field: "ticket", key: "voter_missing" };
  else proceed();
}

/** The whole identifier must match, as intake has it. A pattern that this browser cannot read is left to intake. */
function matches(pattern: string, identifier: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(identifier);
  } catch {
    return true;
  }
}

/** On to the ballot, or to the results for who has voted already. */
function proceed(): void {
  if (votable.value.length === 0) {
    notice.value = { tone: "plain", key: "already" };
    step.value = "results";
    return;
  }
  if (voted.value) notice.value = { tone: "plain", key: "already" };
  step.value = "ballot";
  if (phase.value === "open") void intake?.prepare();
}

/** Back to an empty identifier. */
export function otherVoter(): void {
  voter.value = "";
  if (!ticketGiven) ticket.value = "";
  choices.value = {};
  mine.value = {};
  notice.value = undefined;
  step.value = "identify";
}

/** Another tab of this browser has voted, perhaps as the same person. */
function otherTab(): void {
  const before = votable.value.length;
  marked.value++;
  if (step.value !== "ballot" || sending.value !== "no" || votable.value.length === before) return;
  notice.value = { tone: "plain", key: "elsewhere" };
  if (votable.value.length === 0) step.value = "results";
}

/** Sends what is chosen, one vote for each question. */
export async function submit(): Promise<void> {
  if (sending.value !== "no" || config.value === undefined) return;
  const chosen = votable.value.filter((q) => choices.value[q.id] !== undefined);
  missing.value = chosen.length === 0;
  if (missing.value) return;
  notice.value = undefined;
  sending.value = "first";
  let late = false;
  for (const q of chosen) {
    const answer = choices.value[q.id] ?? "";
    const outcome = await deliver({
      ...(token.value === undefined ? { voter: voter.value } : {}),
      answer,
      question: q.id,
      ...(config.value.voter.ticket ? { ticket: ticket.value } : {}),
      ...(rehearsal.value ? { rehearsal: true as const } : {}),
    });
    if (outcome.kind !== "accepted") {
      sending.value = "no";
      await refused(outcome.why);
      return;
    }
    late ||= outcome.late;
    if (!rehearsal.value) markers?.add(self.value, q.id);
    marked.value++;
    mine.value = { ...mine.value, [q.id]: answer };
    const { [q.id]: _, ...others } = choices.value;
    choices.value = others;
  }
  sending.value = "no";
  notice.value = late ? { tone: "error", key: "late" } : { tone: "good", key: "accepted" };
  step.value = "results";
}

/**
 * Sends one vote until it is taken or refused. The same vote may arrive twice where an answer was lost: the recorder
 * counts one.
 */
async function deliver(vote: Vote): Promise<Exclude<Outcome, { kind: "again" }>> {
  for (let n = 0; ; n++) {
    // Browsers that believe themselves offline can be wrong: half a minute later it is tried all the same.
    if (!online.value) await pause(30_000);
    const outcome = (await intake?.send(vote)) ?? { kind: "again" };
    if (outcome.kind === "accepted") return outcome;
    if (outcome.kind === "refused") {
      // This clock was a moment ahead of intake's.
      const early = (outcome.opensAt ?? opensAt.value) - clock.now();
      if (outcome.why !== "not_open" || early > 15_000 || n > 20) return outcome;
      await pause(Math.max(0, early) + backoff(n, 500, 4_000));
      continue;
    }
    if (!rehearsal.value && clock.now() > closesAt.value + grace.value) return { kind: "refused", why: "closed" };
    sending.value = "again";
    await pause(Math.max(backoff(n, 1_000, 15_000), outcome.afterMs ?? 0));
  }
}

async function refused(why: Refusal): Promise<void> {
  switch (why) {
    case "voter":
    case "ticket":
      step.value = "identify";
      fieldError.value = { field: why, key: `${why}_refused` };
      return;
    case "token":
      signOut();
      return;
    case "closed":
      notice.value = { tone: "error", key: "too_late" };
      // It may have been closed before its time.
      await refresh();
      step.value = "results";
      return;
    case "not_open":
      notice.value = { tone: "plain", key: "not_open" };
      await refresh();
      return;
    case "choice":
      choices.value = {};
      notice.value = { tone: "error", key: "changed" };
      await reloadWindow().catch(() => undefined);
      return;
    default:
      notice.value = { tone: "error", key: "failed" };
  }
}

/** Whether the voter may vote at this moment. */
export const canVote = computed(() => phase.value === "open" && now.value > 0 && votable.value.length > 0);
