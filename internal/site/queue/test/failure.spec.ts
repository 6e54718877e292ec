import { advance, at, button, expect, heading, minute, opening, settle, show, stopClocks, test } from "./fixture.ts";

const stale = "This could not be refreshed. Trying again…";

test("join is tried again after 503, as late as it says, and 429", async ({ page, backend }) => {
  backend.onJoin = (nth) =>
    nth === 0 ? { status: 503, headers: { "Retry-After": "20" } } : nth === 1 ? { status: 429 } : undefined;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await expect(heading(page, "Joining…")).toBeVisible();
  await advance(page, backend, 19_000);
  expect(backend.count("/join")).toBe(1);
  await advance(page, backend, 35_000);
  await expect(heading(page, "You are in the line")).toBeVisible();
  expect(backend.joins).toHaveLength(1);
});

test("questions grow rare while nothing answers", async ({ page, backend }) => {
  backend.onJoin = () => ({ status: 503 });
  await at(page, backend, minute);
  backend.broken.set("/status/arena.json", 500);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10 * minute, 10_000);
  // 2 to 4 s, 4 to 8 s and so on up to two minutes.
  expect(backend.count("/join")).toBeGreaterThanOrEqual(9);
  expect(backend.count("/join")).toBeLessThanOrEqual(16);
  expect(backend.count("/status/arena.json")).toBeLessThanOrEqual(16);
});

test("an answer that was lost, cut off, or is none", async ({ page, backend }) => {
  backend.broken.set("/join", 0);
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.broken.clear();
  backend.onJoin = (nth) => (nth === 0 ? { status: 403, body: "<html>" } : undefined);
  await advance(page, backend, 40_000);
  await expect(heading(page, "You are in the line")).toBeVisible();
  expect(backend.joins).toHaveLength(1);
});

test("no status for a while, then again", async ({ page, backend }) => {
  backend.pace = 1;
  backend.behind = 400;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  backend.broken.set("/status/arena.json", 429);
  await advance(page, backend, 170_000);
  await expect(page.getByText(stale)).toBeVisible();
  await expect(page.getByTestId("ahead")).toBeVisible();
  backend.broken.clear();
  await advance(page, backend, minute);
  await expect(page.getByText(stale)).toHaveCount(0);
});

test("before the first status is written, fans join by the times that the page has", async ({ page, backend }) => {
  backend.sale.opens_at = opening;
  backend.broken.set("/status/arena.json", 403);
  await at(page, backend, -minute);
  await expect(page.getByTestId("opening")).toBeVisible();
  await button(page, "Join when it opens").click();
  await settle(page);
  await advance(page, backend, minute + 20_000);
  await expect(heading(page, "You are in the line")).toBeVisible();
  await expect(page.getByText(stale)).toBeVisible();
  expect(backend.joins).toHaveLength(1);
  backend.broken.clear();
  await advance(page, backend, 2 * minute);
  await expect(page.getByText(stale)).toHaveCount(0);
});

test("where the status does not come at all, a fan learns of their turn nevertheless", async ({ page, backend }) => {
  backend.behind = 1_000;
  backend.pace = 1;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  backend.broken.set("/status/arena.json", 503);
  backend.callUpTo(2_000);
  backend.claimTTL = 600;
  await advance(page, backend, 10 * minute, 10_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
});

test("a claim is tried again, and says when nothing answers", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(101);
  await advance(page, backend, 10_000);
  backend.onTurn = () => ({ status: 503 });
  await button(page, "Take your turn").click();
  await settle(page);
  await advance(page, backend, 20_000);
  await expect(page.getByText("That did not work. Please try again.")).toBeVisible();
  backend.onTurn = () => undefined;
  await button(page, "Take your turn").click();
  await expect(heading(page, "Your tickets are waiting")).toBeVisible();
});

test("slow answers", async ({ page, backend }) => {
  await page.goto(backend.url);
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  backend.callUpTo(101);
  await page.reload();
  await expect(heading(page, "It is your turn!")).toBeVisible();
  backend.delay = 1_500;
  const claim = button(page, "Take your turn");
  await claim.click();
  await expect(claim).toHaveAttribute("aria-disabled", "true");
  // Impatience asks for nothing twice.
  await claim.click({ force: true });
  await expect(heading(page, "Your tickets are waiting")).toBeVisible();
  expect(backend.turns.filter((t) => t.do === "claim")).toHaveLength(1);
});

test("offline, and back", async ({ page, context, backend }) => {
  backend.near = 500;
  await page.goto(backend.url);
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText("You are offline. You keep your place.")).toBeVisible();
  backend.callUpTo(101);
  const asked = backend.count("/turn");
  await page.waitForTimeout(0);
  expect(backend.count("/turn")).toBe(asked);
  await context.setOffline(false);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  await expect(page.getByText("You are offline.")).toHaveCount(0);
});

test("a reload keeps the place, and wishes", async ({ page, backend }) => {
  await at(page, backend, -minute);
  await button(page, "Join when it opens").click();
  await page.reload();
  await settle(page);
  await expect(heading(page, "You are all set")).toBeVisible();
  await advance(page, backend, minute + 6_000);
  await advance(page, backend, 10_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
  const text = await page.getByTestId("ahead").textContent();
  await page.reload();
  await settle(page);
  await expect(page.getByTestId("ahead")).toHaveText(text ?? "");
  expect(backend.joins).toHaveLength(1);
  backend.callUpTo(101);
  await advance(page, backend, 20_000);
  await button(page, "Take your turn").click();
  const link = page.getByRole("link", { name: "Go to the tickets" });
  await expect(link).toBeVisible();
  await page.reload();
  await settle(page);
  await expect(link).toHaveAttribute("href", /token=pass-of-/);
});

test("a ticket that the room does not know any more leads to the same place", async ({ page, backend }) => {
  backend.near = 500;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  const { place } = backend.fan;
  backend.key = "another";
  await advance(page, backend, 40_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
  expect(backend.joins).toHaveLength(2);
  expect(backend.fan.place).toBe(place);
});

test("a fan whose message was lost joins again by themselves", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.fans.clear();
  await advance(page, backend, 20_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
  expect(backend.joins.map((j) => [j.nonce, j.attempt])).toEqual(Array(2).fill([backend.joins[0]?.nonce, 0]));
});

test("a placer that is behind is not asked each second", async ({ page, backend }) => {
  backend.places = false;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 5 * minute, 5_000);
  await expect(heading(page, "You have joined")).toBeVisible();
  expect(backend.count("/turn")).toBeLessThanOrEqual(10);
  backend.places = true;
  await advance(page, backend, minute + 10_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
});

test("a page that cannot be loaded tries again", async ({ page, backend }) => {
  backend.broken.set("/status/arena.json", 500);
  await page.goto(backend.url);
  await expect(page.getByText("This page could not be loaded. Trying again…")).toBeVisible();
  backend.broken.clear();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The Hurricanes, live");
});

test("join refuses what it cannot read", async ({ page, backend }) => {
  backend.onJoin = () => ({ status: 400, body: { error: "malformed" } });
  await page.goto(backend.url);
  await button(page, "Join the line").click();
  await expect(page.getByText("You could not join. Reload the page and try again.")).toBeVisible();
  expect(backend.count("/join")).toBe(1);
});

for (const [name, device] of Object.entries({ "an hour fast": 60 * minute, "a day slow": -24 * 60 * minute })) {
  test(`the room opens at the server's second; the device's clock is ${name}`, async ({ page, backend }) => {
    await at(page, backend, -5_000, device);
    await expect(page.getByTestId("opening")).toHaveText(/00Hours00Minutes0[45]Seconds/);
    await advance(page, backend, 4_000);
    await expect(button(page, "Join when it opens")).toBeVisible();
    await advance(page, backend, 1_500);
    await button(page, "Join the line").click();
    await advance(page, backend, 15_000);
    await expect(page.getByTestId("ahead")).toBeVisible();
    backend.callUpTo(101);
    await advance(page, backend, 20_000);
    await expect(page.getByTestId("left")).toHaveText(/(1:[345]\d|2:00)/);
  });
}

test("a laptop that wakes up asks at once", async ({ page, backend }) => {
  backend.behind = 100_000;
  backend.pace = 10;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  const asked = backend.count("/status/arena.json");
  await advance(page, backend, 10_000);
  expect(backend.count("/status/arena.json")).toBe(asked);
  // The lid is closed for an hour: the wall clock goes on, timers and the steady clock do not.
  backend.fixed = backend.now() + 60 * minute;
  await page.clock.setSystemTime(backend.fixed);
  await advance(page, backend, 2_000);
  expect(backend.count("/status/arena.json")).toBe(asked + 1);
  await expect(page.getByTestId("ahead")).toHaveText(/^6\d,\d\d\d people are ahead of you$/);
});

test("a tab that is looked at again asks at once, a hidden one goes on asking", async ({ page, backend }) => {
  backend.behind = 100_000;
  backend.pace = 10;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await show(page, false);
  const asked = backend.count("/status/arena.json");
  await advance(page, backend, 6 * minute, 10_000);
  expect(backend.count("/status/arena.json") - asked).toBeGreaterThanOrEqual(2);
  const before = backend.count("/status/arena.json");
  await show(page, true);
  await settle(page);
  expect(backend.count("/status/arena.json")).toBe(before + 1);
  // But not each time.
  await show(page, false);
  await show(page, true);
  await settle(page);
  expect(backend.count("/status/arena.json")).toBe(before + 1);
});

test("an opening that was moved, and one that join finds early", async ({ page, backend }) => {
  await at(page, backend, -2 * minute);
  await button(page, "Join when it opens").click();
  await settle(page);
  backend.opensAt = opening + 2 * minute;
  await advance(page, backend, 3 * minute, 1_000);
  expect(backend.joins).toEqual([]);
  await expect(page.getByTestId("opening")).toHaveText(/00Hours0[01]Minutes\d\dSeconds/);
  await advance(page, backend, minute + 20_000);
  expect(backend.joins).toHaveLength(1);
});

test("nobody joins before the pre-queue by their own clock", async ({ page, backend }) => {
  backend.opensAt = opening;
  await stopClocks(page, backend, opening - 10 * minute, 60 * minute);
  await page.goto(backend.url);
  await settle(page);
  await button(page, "Join when it opens").click();
  await advance(page, backend, 2 * minute);
  expect(backend.count("/join")).toBe(0);
});

test("a question that nobody asks any more does not fail", async ({ page, backend }) => {
  backend.near = 500;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  backend.broken.set("/status/arena.json", 503);
  await advance(page, backend, 70_000);
  await expect(page.getByText(stale)).toBeVisible();
  // The fan's own turn is answered, and says everything from now on.
  backend.callUpTo(101);
  await advance(page, backend, 2 * minute, 5_000);
  await expect(page.getByText(stale)).toHaveCount(0);
});

test("who does not join after all is not told of a join that fails", async ({ page, backend }) => {
  backend.onJoin = () => ({ status: 503 });
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await expect(page.getByText(stale)).toBeVisible();
  await button(page, "Do not join").click();
  await expect(page.getByText(stale)).toHaveCount(0);
});

test("a reload before the place is known, on a device whose clock is an hour fast", async ({ page, backend }) => {
  backend.places = false;
  await at(page, backend, minute, 60 * minute);
  await button(page, "Join the line").click();
  await settle(page);
  await page.reload();
  await settle(page);
  backend.places = true;
  await advance(page, backend, 20_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
});

test("a device whose clock is set back an hour asks for its turn in time", async ({ page, backend }) => {
  backend.behind = 100_000;
  backend.pace = 10;
  await at(page, backend, minute, 60 * minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await page.clock.setSystemTime(backend.now());
  await advance(page, backend, 10_000);
  backend.callUpTo(backend.fan.place);
  await advance(page, backend, 3 * minute);
  await expect(heading(page, "It is your turn!")).toBeVisible();
});
