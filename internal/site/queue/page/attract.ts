// Title and sound, for who looks at another tab.
import { computed, effect } from "@preact/signals";
import { chime } from "./sound.ts";
import { now, refresh, snapshot, texts, title, view } from "./state.ts";

/** How often the sound is heard while a turn is not taken, in milliseconds. */
const every = 6_000;

/** The title says how many are ahead, and blinks when it is the visitor's turn. */
const heading = computed(() => {
  const t = texts.value;
  const ahead = snapshot.value?.ahead;
  if (view.value === "called" && Math.floor(now.value / 1000) % 2 === 0) return `● ${t.text("called")}`;
  if (view.value === "waiting" && ahead !== undefined) return `(${t.number(ahead)}) ${title.value}`;
  return title.value;
});
const beat = computed(() => (view.value === "called" ? Math.floor(now.value / every) : undefined));

export function attract(): void {
  effect(() => {
    if (heading.value !== "") document.title = heading.value;
  });
  effect(() => {
    if (beat.value !== undefined) chime();
  });
  // Nothing else moves the time on while nobody looks.
  setInterval(() => view.value === "called" && refresh(), 1_000);
}
