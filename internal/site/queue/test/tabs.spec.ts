import type { Page } from "@playwright/test";
import { jwt } from "../../shared/issuer.ts";
import { advance, at, button, expect, heading, minute, settle, test } from "./fixture.ts";

/** A sale whose status lets tabs ask each second. */
test.beforeEach(({ backend }) => {
  backend.ask = { far: 1, near: 1 };
  backend.near = 1_000;
  backend.tellsAhead = true;
});

/** Counts the requests of a tab. */
function asks(page: Page): () => number {
  let n = 0;
  page.on("request", (r) => {
    if (/\/(join|turn|status)/.test(r.url())) n++;
  });
  return () => n;
}

test("two tabs are one fan: one asks, and both show", async ({ page, context, backend }) => {
  await page.goto(backend.url);
  const other = await context.newPage();
  const asked = [asks(page), asks(other)] as const;
  await other.goto(backend.url);
  await expect(heading(other, "Join the line")).toBeVisible();
  await button(other, "Join the line").click();
  await expect(other.getByTestId("ahead")).toHaveText("100 people are ahead of you");
  await expect(page.getByTestId("ahead")).toHaveText("100 people are ahead of you");
  const before = [asked[0](), asked[1]()] as const;
  const turns = backend.turns.length;
  await expect.poll(() => backend.turns.length).toBeGreaterThan(turns + 3);
  // Only one of them has asked.
  expect([asked[0]() > before[0], asked[1]() > before[1]].filter(Boolean)).toHaveLength(1);
  backend.callUpTo(60);
  for (const tab of [page, other]) await expect(tab.getByTestId("ahead")).toHaveText("40 people are ahead of you");
  expect(backend.fans.size).toBe(1);
  expect(backend.joins).toHaveLength(1);
});

test("the tab that is left goes on asking", async ({ page, context, backend }) => {
  await page.goto(backend.url);
  const other = await context.newPage();
  await other.goto(backend.url);
  await button(other, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  await other.close();
  backend.callUpTo(50);
  await expect(page.getByTestId("ahead")).toHaveText("50 people are ahead of you");
});

test("a turn taken in one tab is taken in the other", async ({ page, context, backend }) => {
  await page.goto(backend.url);
  const other = await context.newPage();
  await other.goto(backend.url);
  await button(page, "Join the line").click();
  await expect(other.getByTestId("ahead")).toBeVisible();
  backend.callUpTo(101);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  await expect(heading(other, "It is your turn!")).toBeVisible();
  await button(other, "Take your turn").click();
  for (const tab of [page, other]) {
    await expect(tab.getByRole("link", { name: "Go to the tickets" })).toHaveAttribute("href", /pass-of-/);
  }
  expect(backend.turns.filter((t) => t.do === "claim")).toHaveLength(1);
});

test("both tabs say that a code was refused", async ({ page, context, backend }) => {
  backend.sale.codes = true;
  await page.goto(backend.url);
  const other = await context.newPage();
  await other.goto(backend.url);
  await other.getByRole("textbox").fill("WINTER-1");
  await button(other, "Join the line").click();
  for (const tab of [page, other]) {
    await expect(tab.getByRole("alert")).toHaveText("This code is not valid here. Please check it.");
  }
});

test("a tab without the organiser's token joins with that of another, and takes no wish away", async ({
  page,
  context,
  backend,
}) => {
  backend.sale.jwt = { issuer: "https://example.test" };
  const token = jwt({ sub: "alice" });
  backend.issuer.tokens = { id_token: token };
  backend.opensAt = Date.now() + 10_000;
  await page.goto(`${backend.url}#token=${token}`);
  await button(page, "Join when it opens").click();
  const other = await context.newPage();
  await other.goto(backend.url);
  for (const tab of [page, other]) await expect(tab.getByTestId("ahead")).toBeVisible();
  expect(backend.joins.map((j) => j.jwt)).toEqual([token]);
});

test("a wish to join whose token is gone with its tab is given up", async ({ page, context, backend }) => {
  backend.sale.jwt = { issuer: "https://example.test" };
  backend.opensAt = Date.now() + 10 * minute;
  await page.goto(`${backend.url}#token=${jwt({ sub: "alice" })}`);
  await button(page, "Join when it opens").click();
  await expect(heading(page, "You are all set")).toBeVisible();
  const other = await context.newPage();
  await page.close();
  await other.goto(backend.url);
  await expect(other.getByText("Open this page by the personal link that you were given.")).toBeVisible();
});

test("a look that a claim has overtaken says nothing any more", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(101);
  await advance(page, backend, 10_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  // The look is answered when the claim has been.
  let hold: (() => void) | undefined;
  await page.route("**/turn", async (route) => {
    if (!route.request().postData()?.includes("look")) return route.continue();
    const response = await route.fetch();
    await new Promise<void>((resolve) => {
      hold = resolve;
    });
    await route.fulfill({ response });
  });
  await advance(page, backend, 6_000);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await expect.poll(() => hold).toBeDefined();
  await button(page, "Take your turn").click();
  await expect(heading(page, "Your tickets are waiting")).toBeVisible();
  hold?.();
  await settle(page);
  await expect(heading(page, "Your tickets are waiting")).toBeVisible();
});

test("on plain HTTP, without locks, a fan gets through as well", async ({ page, backend }) => {
  await page.goto(backend.url.replace("127.0.0.1", "plain.test"));
  expect(await page.evaluate(() => isSecureContext)).toBe(false);
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  backend.callUpTo(101);
  await expect(heading(page, "It is your turn!")).toBeVisible();
});
