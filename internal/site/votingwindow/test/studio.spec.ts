import type { Page } from "@playwright/test";
import type { Backend } from "./backend.ts";
import { advance, expect, minute, resultsOf, secondQuestion, settle, stopClocks, test, windowOf } from "./fixture.ts";

const opening = Date.parse("2027-05-22T18:15:00Z");
const figures = { vote: { anna: 5, bruno: 3, clara: 2 } };

async function at(page: Page, backend: Backend, ms: number, path = "studio"): Promise<void> {
  backend.window = { ...windowOf(0, opening), intake: backend.window.intake };
  backend.results = resultsOf(backend.window, ms < 0 ? "waiting" : "open", ms < 0 ? {} : figures);
  await stopClocks(page, backend, opening + ms);
  await page.goto(backend.url + path);
  await settle(page);
}

test.use({ viewport: { width: 1280, height: 720 } });

test("from waiting to final", async ({ page, backend }) => {
  await at(page, backend, -3_000);
  await expect(page.getByText("Voting opens in")).toBeVisible();
  await expect(page.getByText("Clara Vega")).toBeVisible();
  await expect(page.getByText("20%")).toHaveCount(0);
  backend.results = resultsOf(backend.window, "open", figures, 2);
  await advance(page, backend, 40_000);
  await expect(page.getByText("Voting closes in")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Clara Vega" })).toContainText("20%");
  backend.results = resultsOf(backend.window, "open", { vote: { anna: 5, bruno: 3, clara: 8 } }, 3);
  await advance(page, backend, 6_000);
  await expect(page.getByRole("listitem").filter({ hasText: "Clara Vega" })).toContainText("50%");
  await advance(page, backend, 10 * minute);
  await expect(page.getByText("Voting is closed")).toBeVisible();
  backend.results = resultsOf(backend.window, "final", { vote: { anna: 5, bruno: 3, clara: 12 } }, 4);
  await advance(page, backend, 6_000);
  await expect(page.getByText("Final result")).toBeVisible();
  await expect(page.getByText("20 votes")).toBeVisible();
  await expect(page.locator("form, input, button")).toHaveCount(0);
});

test("it reads every five seconds", async ({ page, backend }) => {
  await at(page, backend, minute);
  backend.seen = [];
  await advance(page, backend, minute);
  expect(backend.count("/results.json")).toBeGreaterThanOrEqual(10);
  expect(backend.count("/results.json")).toBeLessThanOrEqual(12);
});

test("no figures before the close, where they come after it", async ({ page, backend }) => {
  await at(page, backend, minute);
  backend.window.results = "after_close";
  await page.reload();
  await settle(page);
  await expect(page.getByText("Clara Vega")).toBeVisible();
  await expect(page.getByText("%")).toHaveCount(0);
  await expect(page.getByText("10 votes")).toHaveCount(0);
});

test("questions take turns, or one is pinned", async ({ page, backend }) => {
  await at(page, backend, minute);
  backend.window.questions.push(secondQuestion);
  await page.reload();
  await settle(page);
  const heading = page.getByRole("heading", { level: 2 });
  const first = await heading.textContent();
  await advance(page, backend, 12_000);
  await expect(heading).not.toHaveText(first ?? "");
  await advance(page, backend, 12_000);
  await expect(heading).toHaveText(first ?? "");
  await page.goto("about:blank");
  await page.goto(`${backend.url}studio#question=outfit`);
  await settle(page);
  for (let i = 0; i < 3; i++) {
    await expect(heading).toHaveText("Which outfit was best?");
    await advance(page, backend, 12_000);
  }
});

// Legible from ten metres: on a screen of one metre's height the eye wants letters of 1/400 of the distance (ISO 9241-303
// speaks of 16 to 20 minutes of arc), 2.5 hundredths of the height in capitals, 3.4 in font size.
test("everything is large, and inside the safe area", async ({ page, backend }) => {
  await at(page, backend, minute);
  for (const answers of [2, 6, 12]) {
    const question = backend.window.questions[0];
    if (question)
      question.answers = Array.from({ length: answers }, (_, i) => ({ id: `a${i}`, label: `Candidate number ${i}` }));
    await page.reload();
    await settle(page);
    await page.clock.runFor(2_000);
    const texts = await page.evaluate(() => {
      const all = [...document.querySelectorAll(".label, .votes, .share, .sign, .sign span, h1, h2, .total")];
      return all
        .filter((e) => e.textContent !== "")
        .map((e) => {
          const box = e.getBoundingClientRect();
          return { text: e.textContent, size: Number.parseFloat(getComputedStyle(e).fontSize), box: box.toJSON() };
        });
    });
    expect(texts.length).toBeGreaterThan(answers * 3);
    for (const { text, size, box } of texts) {
      expect(size, `${text} of ${answers}`).toBeGreaterThanOrEqual(720 * 0.024);
      expect(box.left, text ?? "").toBeGreaterThanOrEqual(1280 * 0.05 - 1);
      expect(box.right, text ?? "").toBeLessThanOrEqual(1280 * 0.95 + 1);
      expect(box.top, text ?? "").toBeGreaterThanOrEqual(720 * 0.04);
      expect(box.bottom, text ?? "").toBeLessThanOrEqual(720 * 0.96);
    }
  }
});
