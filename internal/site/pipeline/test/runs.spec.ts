import { runOf } from "./data.ts";
import { advance, button, enter, expect, heading, link, minute, stopClocks, test } from "./fixture.ts";

const now = Date.parse("2027-05-22T18:15:00Z");

test("a run from its first file to its end", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  const run = runOf("run-3", "LISTING", now - minute, {
    files: 2_000,
    ingested: 490,
    failed: 10,
    segments: 0,
    described: 0,
  });
  backend.runs.unshift(run);
  await enter(page, backend, "#/runs");
  const row = page.locator(".rows li").first();
  await expect(row).toContainText("Listing files");
  await expect(row).toContainText("2,000 files, 10 failed");
  await expect(row.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "25");
  await link(page, "run-3").click();
  await expect(heading(page, "Run run-3")).toBeFocused();
  await expect(page.getByText("More files are still being listed.")).toBeVisible();
  await expect(button(page, "Replay all files")).toHaveCount(0);

  Object.assign(run, { state: "INGESTING", ingested: 1_990 });
  await advance(page, backend, 6_000);
  await expect(page.getByText("Reading files").last()).toBeVisible();
  await expect(page.locator("[aria-live]")).toHaveText("Reading files");
  await expect(page.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "100");

  Object.assign(run, { state: "DESCRIBING", segments: 40, described: 10, ingestedAt: new Date(now).toISOString() });
  await advance(page, backend, 6_000);
  await expect(page.getByRole("progressbar", { name: "Segments that have their figures" })).toHaveAttribute(
    "aria-valuenow",
    "25",
  );
  Object.assign(run, { state: "DONE", described: 40, doneAt: new Date(backend.now()).toISOString() });
  await advance(page, backend, 6_000);
  await expect(page.getByRole("progressbar")).toHaveCount(0);
  const asked = backend.count("Run");
  await advance(page, backend, 5 * minute);
  expect(backend.count("Run")).toBe(asked);
});

test("what it took, and why files failed", async ({ page, backend }) => {
  await enter(page, backend, "#/run/run-2");
  await expect(page.getByText("19 mins 8 secs")).toBeVisible();
  await expect(page.getByText("812.4 MB")).toBeVisible();
  await expect(page.getByText("1,046,000")).toBeVisible();
  await expect(page.getByRole("row", { name: "It is not JSON" })).toContainText("2");
  await link(page, "See the failed files").click();
  await expect(heading(page, "Failed files")).toBeFocused();
  await expect(page.locator(".rows li").first()).toContainText("homes/2027-05-22/000017.json");
  await expect(page.locator(".rows li").first()).toContainText("It is not JSON (line 3: unexpected end)");
  await expect(page.locator(".rows li").last()).toContainText("The file is empty");
  await page.goBack();
  await expect(heading(page, "Run run-2")).toBeVisible();
});

test("failed files, page by page", async ({ page, backend }) => {
  const failures = Array.from({ length: 120 }, (_, i) => ({
    key: `homes/${i}.json`,
    reason: "of another day",
    detail: null,
  }));
  backend.runs = [runOf("run-1", "DONE", Date.now(), { failures, failed: 120 })];
  await enter(page, backend, "#/failures/run-1");
  const rows = page.locator(".rows li");
  await expect(rows).toHaveCount(50);
  // A reason that the page does not know is shown as it is.
  await expect(rows.first()).toContainText("of another day");
  await link(page, "Next page").click();
  await expect(rows.first()).toContainText("homes/50.json");
  await link(page, "Next page").click();
  await expect(rows).toHaveCount(20);
  await expect(link(page, "Next page")).toHaveCount(0);
});

test("a run that waits, and one that cannot go on", async ({ page, backend }) => {
  backend.runs = [
    runOf("run-4", "SEGMENTING", Date.now(), { stuck: "1 of 8 scans has not come to its end" }),
    runOf("run-3", "FAILED", Date.now(), { reason: "the source bucket denies access" }),
  ];
  await enter(page, backend, "#/runs");
  await expect(page.getByText("It waits longer than it should.")).toBeVisible();
  await link(page, "run-4").click();
  await expect(page.getByText("It waits longer than it should. 1 of 8 scans has not come to its end")).toBeVisible();
  await page.goBack();
  await link(page, "run-3").click();
  await expect(page.getByText("Reason: the source bucket denies access")).toBeVisible();
});

for (const failedOnly of [true, false]) {
  test(`replayed, ${failedOnly ? "the failed files alone" : "whole"}`, async ({ page, backend }) => {
    await stopClocks(page, backend, now);
    await enter(page, backend, "#/run/run-2");
    await button(page, failedOnly ? "Replay the 3 failed files" : "Replay all files").click();
    await button(page, "Replay").click();
    const id = failedOnly ? "replay-of-run-2-failed" : "replay-of-run-2";
    await expect(heading(page, `Run ${id}`)).toBeFocused();
    await expect(page.getByText("The run is about to begin.")).toBeVisible();
    expect(backend.asked.find((a) => a.name === "Replay")?.variables).toEqual({
      id: "run-2",
      failedOnly,
      idempotencyKey: expect.stringMatching(/^[\w-]{22}$/),
    });
    backend.runs.unshift(runOf(id, "INGESTING", now, { replayOf: "run-2", failedOnly }));
    await advance(page, backend, 6_000);
    await expect(page.getByText("Reading files", { exact: true }).first()).toBeVisible();
    await expect(
      page.getByText(failedOnly ? "Replay of the failed files of" : "Replay of", { exact: true }),
    ).toBeVisible();
    await link(page, "run-2").click();
    await expect(heading(page, "Run run-2")).toBeVisible();
  });
}

test("a replay that comes too soon says so", async ({ page, backend }) => {
  await enter(page, backend, "#/run/run-2");
  await button(page, "Replay all files").click();
  Object.assign(backend.runs[0] ?? {}, { state: "INGESTING" });
  await button(page, "Replay").click();
  await expect(page.getByRole("alert")).toContainText("This run cannot be replayed so as things are.");
});

test("a run without failures offers no replay of them", async ({ page, backend }) => {
  Object.assign(backend.runs[0] ?? {}, { failed: 0, failuresByReason: [] });
  await enter(page, backend, "#/run/run-2");
  await expect(button(page, "Replay all files")).toBeVisible();
  await expect(page.getByRole("button", { name: /failed file/ })).toHaveCount(0);
  await expect(link(page, "See the failed files")).toHaveCount(0);
});
