// What the page knows, and what follows from it.
import { computed, signal } from "@preact/signals";
import { ServerClock } from "../../shared/clock.ts";
import { everySecond } from "../../shared/countdown.ts";
import { readData } from "../../shared/data.ts";
import { applyTheme } from "../../shared/theme.ts";
import {
  type Options,
  type Snapshot,
  type StatusSource,
  statusObject,
  statusTable,
  WaitingRoom,
} from "../client/index.ts";
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

export const clock = new ServerClock();
export const config = signal<Sale>();
export const room = signal<WaitingRoom>();
export const snapshot = signal<Snapshot>();
/** The server's time in milliseconds, moved on each second. */
export const now = signal(clock.now());
export const online = signal(navigator.onLine);
/** Whether the page knows how a visitor joins: it shows no form before. */
export const ready = signal(false);

/** The texts in the visitor's language. */
export const texts = computed(() => translator(config.value));
/** The sale's title, in the visitor's language where the sale has it. */
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

/** Reads what the page knows of its sale, and keeps everything up to date from then on. */
export function start(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => applyTheme(config.value?.style, dark.matches);
  theme();
  dark.addEventListener("change", theme);
  for (const event of ["online", "offline"]) {
    addEventListener(event, () => {
      online.value = event === "online";
    });
  }
  config.value = readData<Sale>("sale");
  if (config.value === undefined) throw new Error("this page was deployed without a sale");
  theme();
  enter(config.value);
}

function statusOf({ sale, status }: Sale): StatusSource {
  const object = beside(status.url);
  return status.kind === "table" ? statusTable(beside(status.credentials), sale, object) : statusObject(object);
}

function openOf({ opens_at: from, closes_at: to }: Sale): Pick<Options, "open"> {
  return from === undefined ? {} : { open: { from, ...(to === undefined ? {} : { to }) } };
}

/** Brings time and snapshot up to now. */
export function refresh(): void {
  const entered = room.value;
  if (entered === undefined) return;
  now.value = entered.now();
  snapshot.value = entered.snapshot;
}

function enter(sale: Sale): void {
  const entered = new WaitingRoom({
    sale: sale.sale,
    joinURL: new URL(sale.join_url, location.href),
    turnURL: new URL(sale.turn_url, location.href),
    status: statusOf(sale),
    ...openOf(sale),
    clock,
  });
  room.value = entered;
  entered.subscribe(refresh);
  entered.start();
  everySecond(() => entered.now(), refresh);
}
