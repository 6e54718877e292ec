import type { Page } from "@playwright/test";
import type { Backend } from "./backend.ts";
import {
  advance,
  expect,
  identify,
  minute,
  resultsOf,
  settle,
  show,
  stopClocks,
  test,
  thanks,
  vote,
  windowOf,
} from "./fixture.ts";

const opening = Date.parse("2027-05-22T18:15:00Z");

/** A window at a time from its opening, with the device's clock as wrong as told. */
async function at(page: Page, backend: Backend, ms: number, device = 0): Promise<void> {
  backend.window = { ...windowOf(0, opening), intake: backend.window.intake };
  backend.results = resultsOf(backend.window, ms < 0 ? "waiting" : "open", { vote: { anna: 5, bruno: 3, clara: 2 } });
  await stopClocks(page, backend, opening + ms, device);
  await page.goto(backend.url);
  await settle(page);
}

const closed = (page: Page) => page.getByRole("heading", { name: "Voting is closed" });

for (const [name, device] of Object.entries({
  right: 0,
  "an hour fast": 60 * minute,
  "a day slow": -24 * 60 * minute,
})) {
  test(`the ballot opens by itself at the server's second; the device's clock is ${name}`, async ({
    page,
    backend,
  }) => {
    await at(page, backend, -5_000, device);
    await expect(page.getByTestId("opening")).toHaveText(/00Hours00Minutes0[45]Seconds/);
    await identify(page);
    await expect(page.getByRole("heading", { name: "You are all set" })).toBeVisible();
    await advance(page, backend, 4_000);
    await expect(page.getByRole("radio")).toHaveCount(0);
    await advance(page, backend, 1_500);
    await expect(page.getByRole("radio")).toHaveCount(3);
    await expect(page.getByTestId("countdown")).toHaveText(/^(9:59|10:00)$/);
    expect(backend.count("/results.json")).toBe(1);
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.votes).toHaveLength(1);
  });
}

test("an opening that was moved", async ({ page, backend }) => {
  await at(page, backend, -60 * minute);
  const moved = new Date(opening - 50 * minute).toISOString();
  if (backend.results) backend.results = { ...backend.results, opens_at: moved, version: 2 };
  await expect(page.getByText("Opens 20:15")).toBeVisible();
  await advance(page, backend, 11 * minute);
  await expect(page.getByRole("textbox")).toBeVisible();
  await expect(page.getByTestId("opening")).toHaveCount(0);
});

test("days before", async ({ page, backend }) => {
  await at(page, backend, -26 * 60 * minute - 500);
  await expect(page.getByTestId("opening")).toHaveText(/1 day02Hours00Minutes0[01]Seconds/);
  await expect(page.getByText("Opens 22 May 2027, 20:15")).toBeVisible();
});

test("results refresh, and close by themselves", async ({ page, backend }) => {
  await at(page, backend, minute);
  await identify(page);
  await vote(page);
  await settle(page);
  const row = page.getByRole("row", { name: /^Bruno/ });
  await expect(row).toHaveText("Bruno (Your vote)330%");
  backend.results = resultsOf(backend.window, "open", { vote: { anna: 5, bruno: 1_004, clara: 2 } }, 2);
  await advance(page, backend, 6_000);
  await expect(row).toHaveText("Bruno (Your vote)1,00499.3%");
  await expect(page.locator(".chart .total")).toHaveText("1,011 votes");
  // An older version from another cache is not shown.
  backend.results = resultsOf(backend.window, "open", { vote: { anna: 5, bruno: 3, clara: 2 } }, 1);
  await advance(page, backend, 6_000);
  await expect(row).toHaveText("Bruno (Your vote)1,00499.3%");
  backend.results = resultsOf(backend.window, "closing", { vote: { anna: 5, bruno: 1_005, clara: 2 } }, 3);
  await advance(page, backend, 9 * minute);
  await expect(closed(page)).toBeVisible();
  await expect(page.getByText("The last votes are being counted.")).toBeVisible();
  backend.results = resultsOf(backend.window, "final", { vote: { anna: 5, bruno: 1_006, clara: 2 } }, 4);
  await advance(page, backend, 17_000);
  await expect(page.getByRole("heading", { name: "Final result" })).toBeVisible();
  await expect(row).toHaveText("Bruno (Your vote)1,00699.3%");
  const reads = backend.count("/results.json");
  await advance(page, backend, 3 * minute);
  expect(backend.count("/results.json")).toBe(reads);
});

test("a close that was moved", async ({ page, backend }) => {
  await at(page, backend, 9.5 * minute);
  await identify(page);
  backend.results = {
    ...resultsOf(backend.window, "open", {}, 2),
    closes_at: new Date(opening + 20 * minute).toISOString(),
  };
  await advance(page, backend, minute);
  await expect(page.getByTestId("countdown")).toHaveText(/^9:(29|30)$/);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
});

test("a page opened after the close", async ({ page, backend }) => {
  await at(page, backend, 11 * minute);
  await expect(closed(page)).toBeVisible();
  await expect(page.getByRole("textbox")).toHaveCount(0);
});

test("a page opened when all is over", async ({ page, backend }) => {
  backend.fixed = opening + 60 * minute;
  await at(page, backend, 60 * minute);
  backend.results = resultsOf(backend.window, "final", { vote: { anna: 2, bruno: 1, clara: 0 } }, 9);
  await page.reload();
  await settle(page);
  await expect(page.getByRole("heading", { name: "Final result" })).toBeVisible();
  await expect(page.getByRole("row", { name: /^Anna/ })).toHaveText("Anna and the Hurricanes266.7%");
});

test("results after the close only", async ({ page, backend }) => {
  await at(page, backend, minute);
  backend.window.results = "after_close";
  const { total: _, questions: __, ...bare } = resultsOf(backend.window, "open", {});
  backend.results = bare;
  await page.reload();
  await settle(page);
  await expect(page.getByRole("button", { name: "See the result" })).toHaveCount(0);
  await identify(page);
  await vote(page);
  await expect(page.getByText("The result will appear here after voting has closed.")).toBeVisible();
  backend.seen = [];
  await advance(page, backend, 9 * minute - 1_000);
  expect(backend.count("/results.json")).toBe(0);
  // Once at the close, which may have been moved; then nothing until the end of grace.
  await advance(page, backend, 2 * minute);
  await expect(closed(page)).toBeVisible();
  expect(backend.count("/results.json")).toBe(1);
  await advance(page, backend, 40_000);
  expect(backend.count("/results.json")).toBeGreaterThanOrEqual(3);
  await expect(page.getByRole("table")).toHaveCount(0);
  backend.results = resultsOf(backend.window, "final", { vote: { anna: 5, bruno: 3, clara: 2 } }, 2);
  await advance(page, backend, 17_000);
  await expect(page.getByRole("row", { name: /^Anna/ })).toHaveText("Anna and the Hurricanes550%");
});

test("what a viewer of a whole window costs", async ({ page, backend }) => {
  test.setTimeout(300_000);
  await at(page, backend, 1_000);
  await identify(page);
  await vote(page);
  await settle(page);
  await advance(page, backend, 12 * minute, 1000);
  // Six in the first half minute, then four a minute at most; the cost in the guide is made of this.
  const reads = backend.count("/results.json");
  expect(reads).toBeLessThanOrEqual(53);
  expect(reads).toBeGreaterThanOrEqual(46);
  expect(backend.count("/")).toBe(1);
  expect(backend.count("/window.json")).toBe(1);
  // Unchanged figures are not sent again.
  expect(backend.seen.filter((s) => s.path === "/results.json" && s.status === 304).length).toBe(reads - 1);
});

test("a fixed refresh", async ({ page, backend }) => {
  await at(page, backend, minute);
  backend.window.refresh_seconds = 10;
  await page.reload();
  await identify(page);
  await vote(page);
  await settle(page);
  backend.seen = [];
  await advance(page, backend, 2 * minute);
  expect(backend.count("/results.json")).toBeGreaterThanOrEqual(10);
  expect(backend.count("/results.json")).toBeLessThanOrEqual(12);
});

test("a hidden tab does not read, and reads at once when it is shown", async ({ page, backend }) => {
  await at(page, backend, minute);
  await page.getByRole("button", { name: "See the result" }).click();
  await settle(page);
  await show(page, false);
  backend.seen = [];
  await advance(page, backend, 2 * minute);
  expect(backend.count("/results.json")).toBe(0);
  await show(page, true);
  await settle(page);
  expect(backend.count("/results.json")).toBe(1);
  await expect(page.getByTestId("countdown")).toHaveText(/^(7:00|6:59)$/);
});

test("a device that slept asks the server for the time", async ({ page, backend }) => {
  await at(page, backend, -60 * minute);
  await advance(page, backend, 10_000);
  backend.seen = [];
  // The wall clock went on for an hour, timers and the steady clock did not.
  backend.fixed = opening + minute;
  await page.clock.setSystemTime(opening + minute);
  await page.clock.runFor(1_000);
  await settle(page);
  await page.clock.runFor(1_000);
  expect(backend.count("/results.json")).toBe(1);
  await expect(page.getByRole("heading", { name: "Your code" })).toBeVisible();
  await expect(page.getByTestId("countdown")).toHaveText(/^(9:0\d|8:5\d)$/);
});

test("reads back off while the server fails", async ({ page, backend }) => {
  await at(page, backend, minute);
  await page.getByRole("button", { name: "See the result" }).click();
  await settle(page);
  backend.broken.set("/results.json", 503);
  backend.seen = [];
  await advance(page, backend, 5 * minute);
  const tries = backend.count("/results.json");
  expect(tries).toBeGreaterThanOrEqual(7);
  expect(tries).toBeLessThanOrEqual(16);
  await expect(page.getByText("The figures could not be refreshed. Trying again…")).toBeVisible();
  await expect(page.getByRole("row", { name: /^Bruno/ })).toHaveText("Bruno330%");
  backend.broken.clear();
  await advance(page, backend, 65_000);
  await expect(page.getByText("The figures could not be refreshed. Trying again…")).toHaveCount(0);
});

test("no results yet", async ({ page, backend }) => {
  await at(page, backend, -minute);
  backend.results = undefined;
  await page.reload();
  await settle(page);
  await expect(page.getByTestId("opening")).toBeVisible();
  await advance(page, backend, minute + 1_000);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
});
