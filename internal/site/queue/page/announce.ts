// What a screen reader says without being asked, and nothing of the figures in between. A step is read out by its
// heading, which takes the focus.
import { computed, effect, signal } from "@preact/signals";
import { snapshot, texts, view } from "./state.ts";

/** A turn that is at most so many seconds away is announced. */
const soon = 120;

export const announcement = signal("");
let said: string | undefined;

const key = computed(() => {
  const s = snapshot.value;
  if (view.value === "loading") return undefined;
  // Once: an estimate that grows again takes nothing back.
  if (view.value === "waiting" && (said === "soon" || (s?.estimate?.high ?? Infinity) <= soon)) return "soon";
  return view.value === "join" && s?.sale === "open" ? "now_open" : "";
});

/** Announces what changes. What is so from the beginning is not announced. */
export function announce(): void {
  effect(() => {
    const now = key.value;
    if (said !== undefined && now !== undefined && now !== said) {
      announcement.value = now === "" ? "" : texts.peek().text(now);
    }
    said = now ?? said;
  });
}
