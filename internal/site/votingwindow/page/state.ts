// What the page knows, and what follows from it.
import { computed, signal } from "@preact/signals";
import { ServerClock } from "../../shared/clock.ts";
import { everySecond } from "../../shared/countdown.ts";
import { getObject } from "../../shared/fetch.ts";
import { byScript } from "../../shared/hashing.ts";
import { Poller } from "../../shared/poll.ts";
import { backoff, pause } from "../../shared/retry.ts";
import { StatusBoard } from "../../shared/status.ts";
import { applyTheme } from "../../shared/theme.ts";
import { nextRead } from "./polling.ts";
import { isFresh, readLine } from "./status.ts";
import { translator } from "./texts/texts.ts";
import { beside, isStudio, type Question, type Results, type VotingWindow } from "./window.ts";

/** Where the window is in its life, by the server's clock. */
export type Phase = "waiting" | "open" | "closed" | "final";

/** What the voter sees while the window is open. */
export type Step = "identify" | "ballot" | "results";

export const clock = new ServerClock();
export const config = signal<VotingWindow>();
export const results = signal<Results>();
/** The server's time in milliseconds, moved on each second. */
export const now = signal(clock.now());
export const online = signal(navigator.onLine);
export const stale = signal(false);
export const loadFailed = signal(false);
/** Whether the page can take a vote: it shows no form before. */
export const ready = signal(false);
export const step = signal<Step>("identify");

/** The fragment of the address: #token=, #ticket=, #rehearsal, #question=. What is secret is taken out of the address. */
export const fragment = new URLSearchParams(location.hash.slice(1));

/** The texts in the visitor's language. */
export const texts = computed(() => translator(config.value));

/** The window's times as they are in force: an operator may have moved them. */
export const opensAt = computed(() => Date.parse(results.value?.opens_at ?? config.value?.opens_at ?? ""));
export const closesAt = computed(() => Date.parse(results.value?.closes_at ?? config.value?.closes_at ?? ""));
/** Two minutes is what a window has where nothing else is said. */
export const grace = computed(() => (config.value?.grace_seconds ?? 120) * 1000);

/** Whether votes cast now are a rehearsal's: the organiser opened the page so, and the window is in rehearsal. */
export const rehearsal = computed(() => fragment.has("rehearsal") && results.value?.status === "rehearsal");

export const phase = computed<Phase>(() => {
  if (results.value?.status === "final") return "final";
  if (rehearsal.value) return "open";
  if (now.value < opensAt.value) return "waiting";
  return now.value < closesAt.value ? "open" : "closed";
});

/** Whether figures are shown at this time. */
export const figures = computed(
  () =>
    results.value?.questions !== undefined &&
    (phase.value === "final" || config.value?.results === "live") &&
    (phase.value !== "waiting" || rehearsal.value),
);

/** Whether the viewer looks at results, or at where they will appear. */
const watching = computed(
  () => isStudio || phase.value === "closed" || phase.value === "final" || step.value === "results",
);
let arrived: number | undefined;
let lastRead = Number.NEGATIVE_INFINITY;

let board: StatusBoard | undefined;

/** The results from the board while there is something new in them and the board is of use, else from the object. */
async function readResults(): Promise<Results | undefined> {
  const named = config.value?.status?.credentials;
  // After a sleep only the object is sure to tell the time: the table need not let a page read its Date.
  if (named !== undefined && phase.value !== "waiting" && phase.value !== "final" && !clock.jumped()) {
    board ??= new StatusBoard(beside(named), clock, byScript);
    const line = await board.read();
    const found = line === undefined ? undefined : readLine(line);
    if (found !== undefined && isFresh(found, clock.now())) return found;
    if (line !== undefined) board.rest();
  }
  return getObject<Results>(beside("results.json"), clock);
}

const poller = new Poller({
  async read() {
    const found = await readResults();
    lastRead = clock.now();
    // A cache may answer with an older version than another has.
    if (found !== undefined && found.version >= (results.value?.version ?? 0)) results.value = found;
    now.value = clock.now();
  },
  delay() {
    const window = config.value;
    if (window === undefined) return undefined;
    stale.value = poller.failures > 1;
    const at = nextRead({
      now: clock.now(),
      lastRead,
      opensAt: opensAt.value,
      closesAt: closesAt.value,
      grace: grace.value,
      final: phase.value === "final",
      afterClose: window.results === "after_close",
      rehearsal: rehearsal.value,
      refresh: isStudio ? 5_000 : window.refresh_seconds * 1000,
      arrived,
    });
    return at === undefined ? undefined : at - clock.now() + poller.sinceLast;
  },
});

/** Reads results.json at once, which also tells the time. */
export const refresh = (): Promise<void> => poller.now();

/** Reads window.json again, for when its questions have changed. */
export async function reloadWindow(): Promise<void> {
  const found = await getObject<VotingWindow>(beside("window.json"), clock);
  if (found === undefined) throw new Error("there is no window.json");
  config.value = found;
}

/** Loads the page's objects, trying until they are there, and keeps everything up to date from then on. */
export async function start(): Promise<void> {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => applyTheme(config.value?.style, isStudio ? true : dark.matches);
  theme();
  dark.addEventListener("change", theme);
  addEventListener("online", () => {
    online.value = true;
  });
  addEventListener("offline", () => {
    online.value = false;
  });
  const first = refresh();
  for (let n = 0; config.value === undefined; n++) {
    try {
      await reloadWindow();
    } catch {
      loadFailed.value = n > 0;
      await pause(backoff(n, 1_000, 30_000));
    }
  }
  // Figures that are slow to come keep nobody from voting.
  await Promise.race([first, pause(2_000)]);
  theme();
  everySecond(() => clock.now(), tick);
  phase.subscribe(follow);
  step.subscribe(follow);
}

/** Comes to the results or leaves them, and plans reads anew. */
function follow(): void {
  if (!watching.value || phase.value === "waiting") arrived = undefined;
  else if (arrived === undefined && phase.value !== "closed") {
    arrived = clock.now();
    // Who has voted wants figures at once, but not those that were just read.
    if (config.value?.results === "live" && phase.value === "open" && poller.sinceLast > 4_000) void poller.now();
  }
  poller.plan();
}

function tick(): void {
  now.value = clock.now();
  // After a sleep only the server knows what time it is.
  if (clock.jumped() && poller.sinceLast > 5_000) void poller.now();
}

/** Which share of the votes an answer has, and how many. */
export interface Figure {
  id: string;
  label: string;
  votes: number;
  share: number;
  leads: boolean;
}

/** The figures of a question, in the order of its answers. */
export function figuresOf(question: Question): { total: number; answers: Figure[] } {
  const counted = results.value?.questions?.[question.id];
  const total = counted?.total ?? 0;
  const most = Math.max(1, ...question.answers.map((a) => counted?.answers[a.id] ?? 0));
  return {
    total,
    answers: question.answers.map((a) => {
      const votes = counted?.answers[a.id] ?? 0;
      return {
        id: a.id,
        label: labelOf(question, a.id),
        votes,
        share: total > 0 ? votes / total : 0,
        leads: votes === most,
      };
    }),
  };
}

const percent = computed(
  () => new Intl.NumberFormat(texts.value.locale, { style: "percent", maximumFractionDigits: 1 }),
);
/** A share from 0 to 1 as percent. */
export const percentOf = (share: number): string => percent.value.format(share);

/** The window's title, a question's text and an answer's label, in the visitor's language where window.json has it. */
export const title = computed(() => texts.value.find("title") ?? config.value?.title ?? config.value?.name ?? "");
export const questionText = (q: Question): string => texts.value.find(q.id) ?? q.text;
export function labelOf(q: Question, answer: string): string {
  return texts.value.find(`${q.id}/${answer}`) ?? q.answers.find((a) => a.id === answer)?.label ?? answer;
}
