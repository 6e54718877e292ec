import { advance, expect, identify, settle, stopClocks, test, thanks, vote } from "./fixture.ts";

const one = { voter: "12345678", answer: "bruno", question: "vote" };

test("503 is tried again with the same vote", async ({ page, backend }) => {
  backend.onVote = (_, nth) => (nth < 3 ? { status: 503, body: { error: "unavailable" } } : undefined);
  await stopClocks(page, backend, Date.now());
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await settle(page);
  await expect(page.getByText("That has not worked yet. Trying again…")).toBeVisible();
  expect(backend.tried).toBe(1);
  await advance(page, backend, 10_000);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.tried).toBe(4);
  expect(backend.votes).toEqual([one]);
});

test("tries grow rare while nothing answers", async ({ page, backend }) => {
  backend.onVote = () => ({ status: 429 });
  await stopClocks(page, backend, Date.now());
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await settle(page);
  await advance(page, backend, 120_000);
  expect(backend.tried).toBeGreaterThanOrEqual(9);
  expect(backend.tried).toBeLessThanOrEqual(21);
});

test("a lost answer", async ({ page, backend }) => {
  backend.broken.set("/intake", 0);
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText("That has not worked yet. Trying again…")).toBeVisible();
  backend.broken.clear();
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
});

test("figures that are slow to come keep nobody from voting", async ({ page, backend }) => {
  let held = 0;
  await page.route("**/results.json", () => {
    held++; // Never answered.
  });
  await page.goto(backend.url);
  await identify(page);
  await expect(page.getByRole("heading", { name: "Who wins the final?" })).toBeFocused();
  await vote(page);
  await expect.poll(() => backend.votes).toEqual([one]);
  expect(held).toBeGreaterThan(0);
});

test("offline, and back", async ({ page, context, backend }) => {
  await page.goto(backend.url);
  await identify(page);
  await page.getByRole("radio", { name: "Bruno" }).check();
  await context.setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await page.getByRole("button", { name: "Vote", exact: true }).click();
  await expect(page.getByText("You are offline. Your vote is kept and sent as soon as you are back.")).toBeVisible();
  await expect(page.getByRole("radio", { name: "Bruno" })).toBeChecked();
  expect(backend.tried).toBe(0);
  await context.setOffline(false);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
});

test("a page that cannot be loaded tries again", async ({ page, backend }) => {
  backend.broken.set("/window.json", 500);
  await page.goto(backend.url);
  await expect(page.getByText("This page could not be loaded. Trying again…")).toBeVisible();
  backend.broken.clear();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The Final");
});

test.describe("straight to SQS", () => {
  test.beforeEach(({ backend }) => {
    backend.window.intake = { kind: "direct", credentials: "credentials.json" };
  });

  test("credentials that end are renewed before they do", async ({ page, backend }) => {
    const start = Date.now();
    await stopClocks(page, backend, start);
    backend.issue(3 * 60_000);
    await page.goto(backend.url);
    await identify(page);
    await settle(page);
    expect(backend.count("/credentials.json")).toBe(1);
    await advance(page, backend, 150_000);
    backend.issue();
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.count("/credentials.json")).toBe(2);
    expect(backend.count("/sqs")).toBe(1);
  });

  test("credentials that were revoked are read again", async ({ page, backend }) => {
    await page.goto(backend.url);
    await identify(page);
    await expect.poll(() => backend.count("/credentials.json")).toBe(1);
    backend.issue();
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.count("/credentials.json")).toBe(2);
    expect(backend.count("/sqs")).toBe(2);
    expect(backend.votes).toEqual([one]);
  });

  for (const way of ["refused", "hidden"] as const) {
    test(`a signature in the address that is ${way} goes into a header`, async ({ page, backend }) => {
      backend.signedAddresses = way;
      await page.goto(backend.url);
      await identify(page);
      await vote(page);
      await expect(page.getByText(thanks)).toBeVisible();
      expect(backend.count("/sqs")).toBe(2);
      expect(backend.votes).toEqual([one]);
      // What has headers of its own is asked for first.
      expect(backend.preflights("/sqs")).toBe(1);
    });
  }

  test("a device an hour fast signs with the server's time", async ({ page, backend }) => {
    backend.offset = -3_600_000;
    backend.window.opens_at = new Date(backend.now() - 60_000).toISOString();
    backend.window.closes_at = new Date(backend.now() + 540_000).toISOString();
    backend.results = undefined;
    backend.issue();
    await page.goto(backend.url);
    await identify(page);
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.count("/sqs")).toBe(1);
  });

  test("a signature out of time asks the server for the time", async ({ page, backend }) => {
    await page.goto(backend.url);
    await identify(page);
    await expect.poll(() => backend.count("/credentials.json")).toBe(1);
    const reads = backend.count("/results.json");
    // The server's clock was set right under the page.
    backend.offset = -400_000;
    backend.window.opens_at = new Date(backend.now() - 60_000).toISOString();
    backend.results = undefined;
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.count("/sqs")).toBe(2);
    expect(backend.count("/results.json")).toBeGreaterThan(reads);
  });

  test("SQS throttles", async ({ page, backend }) => {
    backend.onMessage = (nth) => (nth < 2 ? { status: 403, body: "RequestThrottled" } : undefined);
    await page.goto(backend.url);
    await identify(page);
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.count("/credentials.json")).toBe(1);
    expect(backend.votes).toEqual([one]);
  });

  test("there are no credentials yet", async ({ page, backend }) => {
    backend.broken.set("/credentials.json", 403);
    await page.goto(backend.url);
    await identify(page);
    await vote(page);
    await expect(page.getByText("That has not worked yet. Trying again…")).toBeVisible();
    backend.broken.clear();
    await expect(page.getByText(thanks)).toBeVisible();
  });

  test("no vote is sent after the close", async ({ page, backend }) => {
    backend.onMessage = () => ({ status: 503 });
    const start = Date.parse(backend.window.closes_at) - 20_000;
    await stopClocks(page, backend, start);
    backend.issue();
    await page.goto(backend.url);
    await identify(page);
    await vote(page);
    await settle(page);
    await advance(page, backend, 21_000);
    const tried = backend.tried;
    await advance(page, backend, 30_000);
    await expect(page.getByText("Voting closed before your vote arrived. It was not counted.")).toBeVisible();
    expect(backend.tried).toBe(tried);
    expect(backend.votes).toEqual([]);
  });
});
