import { test as base, expect, type Page } from "@playwright/test";
import type { Results, VotingWindow } from "../page/window.ts";
import { Backend } from "./backend.ts";

export { expect };

export const minute = 60_000;

/** A window of ten minutes with one question that opened so many milliseconds ago. */
export function windowOf(openedAgo: number, now = Date.now()): VotingWindow {
  const opens = now - openedAgo;
  return {
    name: "tv-final",
    title: "The Final",
    questions: [
      {
        id: "vote",
        text: "Who wins the final?",
        answers: [
          { id: "anna", label: "Anna and the Hurricanes" },
          { id: "bruno", label: "Bruno" },
          { id: "clara", label: "Clara Vega" },
        ],
      },
    ],
    opens_at: new Date(opens).toISOString(),
    closes_at: new Date(opens + 10 * minute).toISOString(),
    grace_seconds: 120,
    results: "live",
    refresh_seconds: 0,
    votes_per_voter: 1,
    revote: "reject",
    voter: { label: "Your code", pattern: "[0-9]{8}", ticket: false },
    intake: { kind: "url", url: "" },
    languages: ["en"],
  };
}

/** A second question beside the first. */
export const secondQuestion = {
  id: "outfit",
  text: "Which outfit was best?",
  answers: [
    { id: "red", label: "Red" },
    { id: "gold", label: "Gold" },
  ],
};

/** results.json of a window; figures by question. */
export function resultsOf(
  window: VotingWindow,
  status: Results["status"],
  figures: Record<string, Record<string, number>>,
  version = 1,
  asOf = Date.now(),
): Results {
  const questions = Object.fromEntries(
    Object.entries(figures).map(([id, answers]) => [id, { total: sum(answers), answers }]),
  );
  return {
    status,
    as_of: new Date(asOf).toISOString(),
    opens_at: window.opens_at,
    closes_at: window.closes_at,
    total: Object.values(questions).reduce((s, q) => s + q.total, 0),
    questions,
    version,
  };
}

const sum = (figures: Record<string, number>): number => Object.values(figures).reduce((s, n) => s + n, 0);

/** A backend with a window that opened a minute ago, checked at the end for what no answer would show. */
export const test = base.extend<{ backend: Backend }>({
  backend: async ({}, use) => {
    const backend = new Backend(windowOf(minute));
    await backend.start();
    backend.window.intake = { kind: "url", url: `${backend.api}/intake` };
    backend.results = resultsOf(backend.window, "open", { vote: { anna: 5, bruno: 3, clara: 2 } });
    await use(backend);
    await backend.stop();
    expect(backend.failed).toBeUndefined();
  },
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

/** Fills in the identifier. */
export async function identify(page: Page, voter = "12345678"): Promise<void> {
  await page.getByRole("textbox", { name: "Your code" }).fill(voter);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Chooses an answer and votes. */
export async function vote(page: Page, answer = "Bruno"): Promise<void> {
  await page.getByRole("radio", { name: answer }).check();
  await page.getByRole("button", { name: "Vote", exact: true }).click();
}

export const thanks = "Your vote has been received. Thank you!";

/** Stops the clocks of page and backend at one time, the page's as wrong as device says. Before the page is opened. */
export async function stopClocks(page: Page, backend: Backend, at: number, device = 0): Promise<void> {
  backend.fixed = at;
  await page.addInitScript(() => {
    // Counts requests under way, from fetch to the body that was read.
    const state = globalThis as unknown as { underWay: number };
    state.underWay = 0;
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
  backend: Backend,
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

/** Waits until no request is under way. */
export async function settle(page: Page): Promise<void> {
  await expect
    .poll(() => page.evaluate(() => (globalThis as unknown as { underWay: number }).underWay), {
      intervals: [1, 2, 5, 10, 20],
    })
    .toBe(0);
}

/** Hides the page's tab, or shows it. */
export async function show(page: Page, visible: boolean): Promise<void> {
  await page.evaluate((v) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (v ? "visible" : "hidden") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visible);
}
