import type { Page } from "@playwright/test";
import { de } from "../page/texts/de.ts";
import { en } from "../page/texts/en.ts";
import { goodKey } from "./backend.ts";
import { runOf } from "./data.ts";
import { button, check, enter, expect, heading, link, test } from "./fixture.ts";

const phone = { width: 320, height: 640 };

for (const [colorScheme, viewport] of [
  ["light", phone],
  ["dark", { width: 1280, height: 800 }],
] as const) {
  test.describe(`axe-core finds nothing, ${colorScheme}, ${viewport.width} pixels:`, () => {
    // At rest, since colours in the middle of a transition are nobody's.
    test.use({ colorScheme, viewport, contextOptions: { reducedMotion: "reduce" } });

    test("signing in", async ({ page, backend }) => {
      backend.pipeline.links = [{ label: "Privacy", url: "https://example.test/privacy" }];
      backend.pipeline.logo = "logo.svg";
      await page.goto(backend.url);
      await button(page, "Sign in").click();
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
      backend.pipeline.auth = { kind: "iam" };
      await page.reload();
      await expect(page.getByLabel("Command")).toBeVisible();
      await check(page);
      backend.pipeline.auth = { kind: "jwt", issuer: `${backend.api}/oidc`, client_id: "client" };
      await page.reload();
      await expect(button(page, "Sign in")).toBeVisible();
      await check(page);
    });

    test("segments, one, its booking", async ({ page, backend }) => {
      await enter(page, backend);
      await check(page);
      await link(page, "Next page").click();
      await expect(link(page, "First page")).toBeVisible();
      await check(page);
      await page.goto(`${backend.url}#/segment/s0`);
      await expect(heading(page, "Fitzroy")).toBeVisible();
      await page.getByText("Show as a table").first().click();
      await page.getByRole("radio", { name: "At a time" }).check();
      await button(page, "Book").click();
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
      await page.getByRole("radio", { name: "As soon as possible" }).check();
      await button(page, "Book").click();
      await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
      await button(page, "Cancel the booking").click();
      await check(page);
      backend.book("b2", "FAILED", {
        reason: "410 Gone",
        segmentValue: "An extraordinarily long name of a segment".repeat(3),
      });
      await link(page, "Bookings").click();
      await expect(page.locator(".rows li")).toHaveCount(2);
      await check(page);
      await page.goto(`${backend.url}#/booking/b2`);
      await expect(page.getByText("It was given up.")).toBeVisible();
      await check(page);
    });

    test("runs, one, its failures, trouble", async ({ page, backend }) => {
      const id = "homes-by-suburb-2027-05-22-of-the-evening-0123456789abcdef";
      backend.runs.unshift(
        runOf(id, "LISTING", Date.now() - 60_000, { ingested: 1, stuck: "no chunk for 15 minutes" }),
      );
      await enter(page, backend, "#/runs");
      await expect(link(page, id)).toBeVisible();
      await check(page);
      await link(page, id).click();
      await expect(heading(page, `Run ${id}`)).toBeVisible();
      await check(page);
      await page.goto(`${backend.url}#/run/run-2`);
      await expect(button(page, "Replay all files")).toBeVisible();
      await check(page);
      await link(page, "See the failed files").click();
      await expect(page.locator(".rows li")).toHaveCount(3);
      await check(page);
      await page.goto(`${backend.url}#/run/none`);
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
    });
  });
}

/** Presses a key until what is named has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    const label = (await focused.getAttribute("aria-label")) ?? (await focused.textContent()) ?? "";
    if (label.trim() === name) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

test("by keyboard alone, from the key to a booking that is cancelled", async ({ page, backend }) => {
  await page.goto(backend.url);
  await expect(page.getByLabel("API key")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("API key")).toBeFocused();
  await page.keyboard.type(goodKey);
  await page.keyboard.press("Enter");
  await expect(heading(page, "Segments")).toBeFocused();
  await expect(page.getByText("57 segments")).toBeVisible();
  await tabTo(page, "Carlton");
  await page.keyboard.press("Enter");
  await expect(heading(page, "Carlton")).toBeFocused();
  await tabTo(page, "Book");
  await page.keyboard.press("Enter");
  await expect(heading(page, "Booking of Carlton")).toBeFocused();
  await tabTo(page, "Cancel the booking");
  await page.keyboard.press("Enter");
  await tabTo(page, "Cancel it");
  await page.keyboard.press("Space");
  await expect(page.getByText("It was cancelled. Nothing was sent.")).toBeVisible();
  await expect(heading(page, "Booking of Carlton")).toBeFocused();
});

test("the page's title is where one is, and a new view begins at its top", async ({ page, backend }) => {
  await enter(page, backend);
  await expect(page).toHaveTitle("Segments – Homes by suburb");
  await link(page, "Footscray").scrollIntoViewIfNeeded();
  await page.evaluate(() => scrollTo(0, 400));
  const was = await page.evaluate(() => scrollY);
  expect(was).toBeGreaterThan(100);
  await link(page, "Footscray").click();
  await expect(page).toHaveTitle("Footscray – Homes by suburb");
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(was);
});

test.describe("in German", () => {
  test.use({ locale: "de-DE" });

  test("texts, numbers and times", async ({ page, backend }) => {
    backend.book("b1", "UPLOADED", { endedAt: "2027-05-22T18:15:00Z" });
    await page.goto(backend.url);
    await page.getByLabel("API-Schlüssel").fill(goodKey);
    await button(page, "Anmelden").click();
    await expect(page.getByText("57 Segmente")).toBeVisible();
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await expect(page.locator(".rows li").first()).toContainText("4.200 Einträge");
    await link(page, "Fitzroy").click();
    await expect(page.getByText("3.412.080.000")).toBeVisible();
    await expect(page.getByText("Median 742.000")).toBeVisible();
    await link(page, "Buchungen").click();
    await expect(page.getByText("beendet 22.05.2027, 20:15")).toBeVisible();
    await link(page, "Läufe").click();
    await link(page, "run-2").click();
    await expect(page.getByText("Die Datei ist leer")).toBeVisible();
    await check(page);
  });
});

test("pipeline.json offers the languages, and has words of its own", async ({ page, backend }) => {
  backend.pipeline.languages = ["nl"];
  backend.pipeline.texts = { nl: { title: "Huizen", segments: "Segmenten" } };
  await enter(page, backend);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Huizen");
  await expect(heading(page, "Segmenten")).toBeVisible();
  await expect(button(page, "Search")).toBeVisible();
});

test("both languages have the same values in their texts", () => {
  const values = (texts: Record<string, string>) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, (text.match(/\{\w+\}/g) ?? []).sort()]));
  expect(values(de)).toEqual(values(en));
});
