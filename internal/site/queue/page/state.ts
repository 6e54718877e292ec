// What the page knows, and what follows from it.
import { computed, signal } from "@preact/signals";
import { ServerClock } from "../../shared/clock.ts";
import { everySecond } from "../../shared/countdown.ts";
import { getObject } from "../../shared/fetch.ts";
import { backoff, pause } from "../../shared/retry.ts";
import { applyTheme } from "../../shared/theme.ts";
import { type Snapshot, type StatusSource, statusObject, statusTable, WaitingRoom } from "../client/index.ts";
import { beside, type Sale } from "./sale.ts";
import { translator } from "./texts/texts.ts";

/** What the visitor sees: a step of the way. */
export type View =
  | "loading"
  | "join"
  | "wanted"
  | "joining"
  | "drawn"
  | "drawing"
  | "joined"
  | "waiting"
  | "called"
  | "claimed"
  | "purchased"
  | "expired"
  | "ghost"
  | "left"
  | "closed";

const clock = new ServerClock();
export const config = signal<Sale>();
export const room = signal<WaitingRoom>();
export const snapshot = signal<Snapshot>();
/** The server's time in milliseconds, moved on each second. */
export const now = signal(clock.now());
export const online = signal(navigator.onLine);
export const loadFailed = signal(false);
/** Whether the page knows how a visitor joins: it shows no form before. */
export const ready = signal(false);

/** The texts in the visitor's language. */
export const texts = computed(() => translator(config.value));
/** The sale's title, in the visitor's language where sale.json has it. */
export const title = computed(() => texts.value.find("title") ?? config.value?.title ?? config.value?.name ?? "");

export const view = computed<View>(() => {
  const s = snapshot.value;
  if (config.value === undefined || s?.sale === undefined || !ready.value) return "loading";
  const { fan, sale } = s;
  if (fan === "called" || fan === "claimed" || fan === "purchased") return fan;
  if (sale === "closed") return "closed";
  if (fan === "none") return "join";
  if (fan === "wanted") return early.value ? "wanted" : "joining";
  if (fan !== "joined") return fan;
  if (!s.drawn) return "joined";
  return sale === "drawing" ? "drawing" : sale === "gathering" || sale === "scheduled" ? "drawn" : "joined";
});

/** What the countdown leads to, while nobody may join yet: the pre-queue, or the sale itself. Milliseconds since 1970. */
export const joinsFrom = computed(() => {
  const s = snapshot.value;
  return s?.sale === "scheduled" ? (s.drawFrom ?? s.opensAt) : undefined;
});
const early = computed(() => joinsFrom.value !== undefined);

/** Loads sale.json, trying until it is there, and keeps everything up to date from then on. */
export async function start(): Promise<void> {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => applyTheme(config.value?.style, dark.matches);
  theme();
  dark.addEventListener("change", theme);
  for (const event of ["online", "offline"]) {
    addEventListener(event, () => {
      online.value = event === "online";
    });
  }
  for (let n = 0; config.value === undefined; n++) {
    try {
      const found = await getObject<Sale>(beside("sale.json"), clock);
      if (found === undefined) throw new Error("there is no sale.json");
      config.value = found;
    } catch {
      loadFailed.value = n > 0;
      await pause(backoff(n, 1_000, 30_000));
    }
  }
  theme();
  enter(config.value);
}

function statusOf({ sale, status }: Sale): StatusSource {
  const object = beside(status.url);
  return status.kind === "table" ? statusTable(beside(status.credentials), sale, object) : statusObject(object);
}

function enter(sale: Sale): void {
  const entered = new WaitingRoom({
    sale: sale.sale,
    joinURL: new URL(sale.join_url, location.href),
    turnURL: new URL(sale.turn_url, location.href),
    status: statusOf(sale),
    clock,
  });
  room.value = entered;
  const refresh = () => {
    now.value = entered.now();
    snapshot.value = entered.snapshot;
  };
  entered.subscribe(refresh);
  entered.start();
  everySecond(() => entered.now(), refresh);
}
