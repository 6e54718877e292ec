// What the tests of every page use: clocks that stand still, axe-core, and a browser that reports what went wrong.
import { test as base, expect, type Page } from "@playwright/test";
import axe from "axe-core";

export const minute = 60_000;

/** A backend whose clock can be stopped, at fixed. Milliseconds. */
export interface Clocked {
  fixed: number | undefined;
  now(): number;
}

export const test = base.extend({
  // No page may throw, or try what its security policy forbids.
  context: async ({ context }, use) => {
    const wrong: string[] = [];
    context.on("weberror", (e) => wrong.push(String(e.error())));
    context.on("console", (m) => {
      if (/Content Security Policy|Trusted/.test(m.text())) wrong.push(m.text());
    });
    await use(context);
    expect(wrong).toEqual([]);
  },
});

/** Stops the clocks of page and backend at one time, the page's as wrong as device says. Before the page is opened. */
export async function stopClocks(page: Page, backend: Clocked, at: number, device = 0): Promise<void> {
  backend.fixed = at;
  await page.addInitScript(() => {
    // Counts requests under way, from fetch to the body that was read.
    const state = globalThis as unknown as { underWay: number; running: typeof setTimeout };
    state.underWay = 0;
    // axe-core needs a timer that runs.
    state.running = setTimeout;
    const counted = <T>(promise: Promise<T>): Promise<T> => {
      state.underWay++;
      const done = () => {
        state.underWay--;
      };
      promise.then(done, done);
      return promise;
    };
    const { fetch } = globalThis;
    globalThis.fetch = (...args) => counted(fetch(...args));
    for (const name of ["json", "text"] as const) {
      const read = Response.prototype[name];
      Response.prototype[name] = function (this: Response) {
        return counted(read.call(this));
      };
    }
  });
  await page.clock.install({ time: at + device - 1000 });
  await page.clock.pauseAt(at + device);
}

/** Moves both clocks on together, step by step, and waits for the requests of each. Times are milliseconds. */
export async function advance(
  page: Page,
  backend: Clocked,
  ms: number,
  step = ms > 2 * minute ? 5000 : 1000,
): Promise<void> {
  for (let done = 0; done < ms;) {
    const by = Math.min(step, ms - done);
    backend.fixed = backend.now() + by;
    await page.clock.runFor(by);
    await settle(page);
    done += by;
  }
}

/** Waits until no request is under way. The page itself waits, since each question to it costs more than a step of its clock. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const state = globalThis as unknown as { underWay: number; running: typeof setTimeout };
    while (state.underWay > 0) await new Promise((resolve) => state.running.call(globalThis, resolve, 1));
  });
}

/** Hides the page's tab, or shows it. */
export async function show(page: Page, visible: boolean): Promise<void> {
  await page.evaluate((v) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (v ? "visible" : "hidden") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visible);
}

/** Runs axe-core: WCAG 2.2 A and AA, and its best practices. */
export async function check(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe, running } = globalThis as unknown as { axe: typeof import("axe-core"); running?: typeof setTimeout };
    const stopped = setTimeout;
    globalThis.setTimeout = running ?? stopped;
    const { violations } = await axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    globalThis.setTimeout = stopped;
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
  });
  expect(found).toEqual([]);
  // Nothing sticks out on a narrow phone, or at twice the size on a larger one.
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(over).toBeLessThanOrEqual(0);
}
