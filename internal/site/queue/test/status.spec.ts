import type { Page } from "@playwright/test";
import { readLine } from "../client/status.ts";
import type { Backend } from "./backend.ts";
import { advance, at, button, expect, heading, minute, opening, settle, test } from "./fixture.ts";

test("a line of the status table", () => {
  // The same lines as in the test of the keeper.
  expect(
    readLine("gig", "1900000004000 open 1900000000000 1900028800000 - - q1204 48796 49 50 3.5 3.42 525 120 20 q1300+2"),
  ).toEqual({
    sale: "gig",
    state: "open",
    at: 1900000004000,
    opens_at: 1900000000000,
    closes_at: 1900028800000,
    front: { line: "queue", place: 1204 },
    waiting: 48796,
    open: 49,
    windows: 50,
    pace: 3.5,
    pace_now: 3.42,
    gaps: [["queue", 1300, 2]],
    near: 525,
    ask: { far: 120, near: 20 },
  });
  expect(
    readLine("gig", "1900000004000 drawing 1900000000000 - 1899990000000 9000 d0 0 0 0 0 0 0 120 20"),
  ).toMatchObject({ draw_from: 1899990000000, draw: { count: 9000 }, front: { line: "draw", place: 0 }, gaps: [] });
  for (const wrong of [
    "",
    "1900000004000",
    "1 shut 1 - - - q0 0 0 0 0 0 0 120 20",
    "1 open 1 - - - q0 0 0 0 0 0 0 120",
  ]) {
    expect(readLine("gig", wrong)).toBeUndefined();
  }
});

/** A fan who waits, of a sale whose status is in a table: what was asked for until then. */
async function waits(page: Page, backend: Backend): Promise<string[]> {
  backend.sale.status = { kind: "table", url: "status/arena.json", credentials: "readers.json" };
  backend.pace = 10;
  backend.behind = 12_000;
  backend.near = 1_200;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  const first = backend.seen.filter((s) => s.method !== "OPTIONS").map((s) => s.path);
  await advance(page, backend, 10_000);
  backend.seen = [];
  return first;
}

test("the status from the table", async ({ page, backend }) => {
  const first = await waits(page, backend);
  expect(first).toEqual(["/", "/readers.json", "/dynamodb", "/join"]);
  await advance(page, backend, 21 * minute, 2_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  expect(backend.count("/dynamodb")).toBeGreaterThanOrEqual(8);
  expect(backend.count("/status/arena.json")).toBe(0);
  // Each read takes a shard by chance, which here is always the same.
  expect(new Set(backend.shards)).toEqual(new Set(["arena/4"]));
});

test("who joins at once is brought everything", async ({ page, backend }) => {
  backend.sale.opens_at = opening;
  expect(await waits(page, backend)).toEqual(["/", "/join"]);
  await expect(page.getByTestId("ahead")).toContainText("people are ahead of you");
  await expect(page.getByTestId("wait")).toHaveText(/^1[56] to 20 minutes$/);
  await advance(page, backend, 21 * minute, 2_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  expect(backend.count("/dynamodb")).toBeGreaterThanOrEqual(8);
  expect(backend.count("/readers.json") + backend.count("/status/arena.json")).toBe(0);
});

test("who joins at once where join brings nothing", async ({ page, backend }) => {
  backend.sale.opens_at = opening;
  backend.brings = false;
  expect((await waits(page, backend)).slice(0, 3)).toEqual(["/", "/join", "/readers.json"]);
  await expect(page.getByTestId("wait")).toHaveText(/^1[56] to 20 minutes$/);
});

test("who thinks before they join sees the status meanwhile", async ({ page, backend }) => {
  backend.sale.status = { kind: "table", url: "status/arena.json", credentials: "readers.json" };
  backend.sale.opens_at = opening;
  backend.line = () => backend.compact(backend.now()).replace(" q0 0 ", " q0 345 ");
  await at(page, backend, minute);
  await expect(button(page, "Join the line")).toBeVisible();
  await advance(page, backend, 15_000);
  expect(backend.count("/readers.json") + backend.count("/dynamodb")).toBe(0);
  await advance(page, backend, 10_000);
  await expect(page.getByText("345 people are waiting.")).toBeVisible();
  await button(page, "Join the line").click();
  await settle(page);
  expect([backend.count("/readers.json"), backend.count("/dynamodb"), backend.joins[0]?.watch]).toEqual([
    1,
    1,
    undefined,
  ]);
});

test("an opening that was moved", async ({ page, backend }) => {
  backend.sale.status = { kind: "table", url: "status/arena.json", credentials: "readers.json" };
  await at(page, backend, -5 * minute);
  // The page was deployed before: by it the sale is open.
  backend.sale.opens_at = opening - 10 * minute;
  await page.reload();
  await settle(page);
  await button(page, "Join the line").click();
  await expect(heading(page, "You are all set")).toBeVisible();
  await expect(page.getByTestId("opening")).toBeVisible();
});

test("a page that is opened after the close says so", async ({ page, backend }) => {
  backend.sale.status = { kind: "table", url: "status/arena.json", credentials: "readers.json" };
  backend.closesAt = opening + minute;
  backend.sale.opens_at = opening;
  backend.sale.closes_at = backend.closesAt;
  await at(page, backend, 2 * minute);
  await expect(heading(page, "The sale is closed")).toBeVisible();
});

const broken: Record<string, (backend: Backend) => void> = {
  "there are no credentials": (b) => {
    b.broken.set("/readers.json", 403);
    b.brings = false;
  },
  "the table fails": (b) => b.broken.set("/dynamodb", 500),
  "the table is not reached": (b) => b.broken.set("/dynamodb", 0),
  "the line is none": (b) => {
    b.line = () => "hello";
  },
  "the line was left behind": (b) => {
    const old = b.now() - minute;
    b.line = () => b.compact(old);
  },
};

for (const [name, spoil] of Object.entries(broken)) {
  test(`the object where ${name}`, async ({ page, backend }) => {
    spoil(backend);
    await waits(page, backend);
    await advance(page, backend, 21 * minute, 2_000);
    await expect(heading(page, "It is your turn!")).toBeVisible();
    expect(backend.count("/status/arena.json")).toBeGreaterThanOrEqual(8);
  });
}

test("an hour before the opening the object is read", async ({ page, backend }) => {
  backend.sale.status = { kind: "table", url: "status/arena.json", credentials: "readers.json" };
  backend.broken.set("/readers.json", 403);
  await at(page, backend, -60 * minute);
  await button(page, "Join when it opens").click();
  await advance(page, backend, 30 * minute, 15_000);
  // The first time nobody knows yet when it opens.
  expect(backend.count("/readers.json")).toBe(1);
  expect(backend.count("/status/arena.json")).toBeGreaterThan(2);
});

test("after a sleep the object tells the time, once", async ({ page, backend }) => {
  await waits(page, backend);
  // Three minutes, for which a signature still holds.
  backend.fixed = backend.now() + 3 * minute;
  await page.clock.setSystemTime(backend.fixed);
  await advance(page, backend, minute, 1_000);
  expect(backend.count("/status/arena.json")).toBe(1);
  expect(backend.count("/dynamodb")).toBeLessThanOrEqual(1);
});
