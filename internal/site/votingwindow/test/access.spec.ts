import type { Page } from "@playwright/test";
import { check } from "../../shared/testing.ts";
import { en } from "../page/texts/en.ts";
import type { Backend } from "./backend.ts";
import {
  advance,
  expect,
  identify,
  minute,
  resultsOf,
  secondQuestion,
  settle,
  stopClocks,
  test,
  thanks,
  windowOf,
} from "./fixture.ts";

const figures = { vote: { anna: 5, bruno: 3, clara: 2 }, outfit: { red: 1, gold: 9 } };

/** Opens the page of a window that opened so long ago. */
async function open(page: Page, backend: Backend, ago: number, path = ""): Promise<void> {
  const { intake, style } = backend.window;
  backend.window = { ...windowOf(ago), intake, style: style ?? {}, logo: "logo.svg" };
  backend.window.questions.push(secondQuestion);
  backend.window.links = [{ label: "Privacy", url: "https://example.test/privacy" }];
  const status = ago < 0 ? "waiting" : ago < 10 * minute ? "open" : ago < 15 * minute ? "closing" : "final";
  backend.results = resultsOf(backend.window, status, ago < 0 ? {} : figures);
  await page.goto(backend.url + path);
}

const phone = { width: 320, height: 640 };

for (const [colorScheme, viewport] of [
  ["light", phone],
  ["dark", { width: 1280, height: 800 }],
] as const) {
  test.describe(`axe-core finds nothing, ${colorScheme}, ${viewport.width} pixels:`, () => {
    // At rest, since colours in the middle of a transition are nobody's.
    test.use({ colorScheme, viewport, contextOptions: { reducedMotion: "reduce" } });

    test("waiting", async ({ page, backend }) => {
      await open(page, backend, -30 * 60 * minute);
      await expect(page.getByTestId("opening")).toBeVisible();
      await check(page);
      await identify(page, "12");
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
      await identify(page);
      await expect(page.getByRole("heading", { name: "You are all set" })).toBeVisible();
      await check(page);
    });

    test("identifier, ballot, sending, results", async ({ page, backend }) => {
      backend.onVote = () => (backend.broken.size === 0 ? undefined : { status: 503 });
      backend.broken.set("/until told otherwise", 503);
      await open(page, backend, minute);
      await check(page);
      await identify(page);
      await page.getByRole("button", { name: "Send votes" }).click();
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
      await page.getByRole("radio", { name: "Bruno" }).check();
      await page.getByRole("radio", { name: "Gold" }).check();
      await check(page);
      await page.getByRole("button", { name: "Send votes" }).click();
      await expect(page.getByText("Trying again…")).toBeVisible();
      await check(page);
      backend.broken.clear();
      await expect(page.getByText(thanks)).toBeVisible();
      await check(page);
    });

    test("closed, final", async ({ page, backend }) => {
      await open(page, backend, 11 * minute);
      await expect(page.getByRole("heading", { name: "Voting is closed" })).toBeVisible();
      await check(page);
      await open(page, backend, 20 * minute);
      await expect(page.getByRole("heading", { name: "Final result" })).toBeVisible();
      await check(page);
    });

    test("studio", async ({ page, backend }) => {
      for (const ms of [-minute, minute, 11 * minute, 20 * minute]) {
        await open(page, backend, ms, "studio");
        await expect(page.getByRole("heading", { level: 2 })).toBeVisible();
        await check(page);
      }
    });
  });
}

// Whatever colours are chosen, texts stay legible.
for (const style of [
  { primary: "#ffe600" },
  { primary: "#003", background: "#111111" },
  { primary: "#ff6f00", background: "#fffbe6", text: "#eeeeee" },
  { primary: "#808080", background: "#808080", text: "#808080" },
]) {
  test(`contrast of ${JSON.stringify(style)}`, async ({ page, backend }) => {
    backend.window.style = style;
    await open(page, backend, minute);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await identify(page);
    await page.getByRole("radio", { name: "Bruno" }).check();
    await check(page);
    await page.getByRole("button", { name: "Send votes" }).click();
    await expect(page.getByText(thanks)).toBeVisible();
    await check(page);
  });
}

const languages = ["en", "de", "fr", "es", "it", "pt"];
const submits: Record<string, string> = {
  en: "Vote",
  de: "Abstimmen",
  fr: "Voter",
  es: "Votar",
  it: "Vota",
  pt: "Votar",
};
const totals: Record<string, string> = {
  en: "1,234,567 votes",
  de: "1.234.567 Stimmen",
  fr: "1 234 567 votes",
  es: "1.234.567 votos",
  it: "1.234.567 voti",
  pt: "1 234 567 votos",
};

for (const language of languages) {
  test.describe(language, () => {
    test.use({
      locale: { en: "en-GB", pt: "pt-PT" }[language] ?? `${language}-${language.toUpperCase()}`,
      viewport: phone,
    });

    test("the page speaks the visitor's language", async ({ page, backend }) => {
      backend.window.languages = languages;
      backend.results = resultsOf(backend.window, "open", { vote: { anna: 1_234_567 } });
      await page.goto(backend.url);
      await page.getByRole("textbox").fill("12345678");
      await page.getByRole("textbox").press("Enter");
      await page.getByRole("radio", { name: "Bruno" }).check();
      await page.getByRole("button", { name: submits[language] ?? "", exact: true }).click();
      await expect(page.locator(".chart .total")).toHaveText(totals[language] ?? "");
      await expect(page.locator("html")).toHaveAttribute("lang", language);
      await expect(page.getByRole("status").locator(".good")).not.toHaveText(language === "en" ? "" : en.accepted);
      await check(page);
    });
  });
}

test.describe("texts of the window", () => {
  test.use({ locale: "nl-NL" });

  test("replace and add", async ({ page, backend }) => {
    backend.window.languages = ["en", "nl"];
    backend.window.texts = {
      nl: {
        submit: "Stem",
        title: "De finale",
        vote: "Wie wint?",
        "vote/bruno": "Broer Bruno",
        voter: "Jouw code",
        next: "Verder",
      },
    };
    await page.goto(backend.url);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("De finale");
    await expect(page).toHaveTitle("De finale");
    await page.getByRole("textbox", { name: "Jouw code" }).fill("12345678");
    await page.getByRole("button", { name: "Verder" }).click();
    await expect(page.getByRole("heading", { name: "Wie wint?" })).toBeVisible();
    await page.getByRole("radio", { name: "Broer Bruno" }).check();
    await page.getByRole("button", { name: "Stem" }).click();
    // What nobody translated is English.
    await expect(page.getByText(thanks)).toBeVisible();
    expect(backend.votes).toHaveLength(1);
  });
});

test("by keyboard alone, the focus follows", async ({ page, backend }) => {
  await page.goto(backend.url);
  await expect(page.getByRole("textbox")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("textbox")).toBeFocused();
  await page.keyboard.type("12345678");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Who wins the final?" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "Bruno" })).toBeChecked();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Result so far" })).toBeFocused();
  expect(backend.votes.map((v) => v.answer)).toEqual(["bruno"]);
});

test("refreshes are not announced", async ({ page, backend }) => {
  const now = Date.now();
  await stopClocks(page, backend, now);
  await open(page, backend, minute);
  await identify(page);
  await page.getByRole("radio", { name: "Bruno" }).check();
  await page.getByRole("button", { name: "Send votes" }).click();
  await expect(page.getByText(thanks)).toBeVisible();
  await settle(page);
  await page.evaluate(() => {
    const state = globalThis as unknown as { said: string[] };
    state.said = [];
    for (const region of document.querySelectorAll("[role=status], [role=alert], [aria-live]")) {
      new MutationObserver(() => state.said.push(region.textContent ?? "")).observe(region, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    }
  });
  const said = () => page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
  for (let version = 2; version < 8; version++) {
    backend.results = resultsOf(backend.window, "open", { ...figures, vote: { anna: 5 + version, bruno: 3 } }, version);
    await advance(page, backend, 15_000);
  }
  await expect(page.getByRole("row", { name: /^Anna/ })).toContainText("12");
  expect(await said()).toEqual([]);
  await advance(page, backend, 8 * minute);
  expect((await said()).filter((s) => s === "Voting is closed")).toHaveLength(1);
});
