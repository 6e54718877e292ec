// The sound of "your turn". Browsers let a page make one only after the visitor has done something with it.
import { signal } from "@preact/signals";
import { recall, remember } from "../../shared/storage.ts";

const place = "queue:muted";
/** Whether the visitor wants no sound. */
export const muted = signal(recall(place) === "yes");
/** Whether the browser lets the page make one. */
export const unlocked = signal(false);

let audio: AudioContext | undefined;

/** Asks the browser for sound, in the course of a click. */
export async function unlock(): Promise<void> {
  if (muted.value || typeof AudioContext !== "function") return;
  audio ??= new AudioContext();
  await audio.resume().catch(() => undefined);
  unlocked.value = audio.state === "running";
}

/** Turns the sound on, and lets it be heard, or off. */
export async function toggle(): Promise<void> {
  const on = muted.value || !unlocked.value;
  muted.value = !on;
  remember(place, on ? undefined : "yes");
  if (!on) return;
  await unlock();
  chime();
}

/** Three rising notes: C, E and G. */
export function chime(): void {
  if (audio === undefined || muted.value || audio.state !== "running") return;
  for (const [i, frequency] of [523.25, 659.25, 783.99].entries()) {
    const at = audio.currentTime + i * 0.18;
    const note = audio.createOscillator();
    const loudness = audio.createGain();
    note.frequency.value = frequency;
    loudness.gain.setValueAtTime(0, at);
    loudness.gain.linearRampToValueAtTime(0.25, at + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
    note.connect(loudness).connect(audio.destination);
    note.start(at);
    note.stop(at + 0.6);
  }
}
