import { expect, type Page } from "@playwright/test";
import { minute, test as base } from "../../shared/testing.ts";
import type { Results, VotingWindow } from "../page/window.ts";
import { Backend } from "./backend.ts";

export { expect };
export { advance, minute, settle, show, stopClocks } from "../../shared/testing.ts";

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
