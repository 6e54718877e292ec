/** A number from 0 up to 1, as Math.random gives it; tests pass their own. */
export type Random = () => number;

/**
 * Milliseconds to wait before try n (0 is the first repetition): doubled each time, half of it by chance, so that pages
 * that failed together do not come back together.
 */
export function backoff(n: number, base: number, cap: number, random: Random = Math.random): number {
  const ceiling = Math.min(cap, base * 2 ** Math.min(n, 16));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** Waits so many milliseconds, or until the page comes online while it is offline. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}
