/** A span of time cut into what a countdown shows. */
export interface Parts {
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
}

/** Cuts milliseconds into parts. A begun second counts whole, so that zero is shown exactly when nothing is left. */
export function partsOf(ms: number): Parts {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return {
    days: Math.floor(s / 86_400),
    hours: Math.floor(s / 3600) % 24,
    minutes: Math.floor(s / 60) % 60,
    seconds: s % 60,
  };
}

/** A number in two digits. */
export const pad = (n: number): string => String(n).padStart(2, "0");

/** 9:05, or 1:09:05 from an hour on, days counted as hours. */
export function clockFace(ms: number): string {
  const { days, hours, minutes, seconds } = partsOf(ms);
  const all = days * 24 + hours;
  return all > 0 ? `${all}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
}

/** Calls back at each whole second of a clock (milliseconds), while the page is visible, and when it becomes so. */
export function everySecond(now: () => number, tick: () => void): void {
  let timer: ReturnType<typeof setTimeout>;
  const run = () => {
    clearTimeout(timer);
    tick();
    if (document.visibilityState === "visible") timer = setTimeout(run, 1000 - (((now() % 1000) + 1000) % 1000));
  };
  document.addEventListener("visibilitychange", run);
  run();
}
