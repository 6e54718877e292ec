// What the page knows, and what follows from it.
import { computed, signal } from "@preact/signals";
import { ServerClock } from "../../shared/clock.ts";
import { getObject } from "../../shared/fetch.ts";
import { backoff, pause } from "../../shared/retry.ts";
import { applyTheme } from "../../shared/theme.ts";
import { beside, type Pipeline } from "./config.ts";
import { translator } from "./texts/texts.ts";

export const clock = new ServerClock();
export const config = signal<Pipeline>();
export const online = signal(navigator.onLine);
export const loadFailed = signal(false);
/** Whether the page knows who the visitor is: it shows no sign-in before. */
export const ready = signal(false);
/** What a screen reader says without being asked. */
export const said = signal("");

/** The texts in the visitor's language. */
export const texts = computed(() => translator(config.value));
/** The pipeline's title, in the visitor's language where pipeline.json has it. */
export const title = computed(() => texts.value.find("title") ?? config.value?.title ?? config.value?.name ?? "");
/** Whether there are bookings at all. */
export const bookable = computed(() => config.value?.bookings !== false);

/** Loads pipeline.json, trying until it is there. */
export async function load(): Promise<Pipeline> {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => applyTheme(config.value?.style, dark.matches);
  theme();
  dark.addEventListener("change", theme);
  for (const event of ["online", "offline"]) {
    addEventListener(event, () => {
      online.value = event === "online";
    });
  }
  for (let n = 0; ; n++) {
    try {
      const found = await getObject<Pipeline>(beside("pipeline.json"), clock);
      if (found === undefined) throw new Error("there is no pipeline.json");
      config.value = found;
      theme();
      return found;
    } catch {
      loadFailed.value = n > 0;
      await pause(backoff(n, 1_000, 30_000));
    }
  }
}
