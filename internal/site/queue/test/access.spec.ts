import type { Page } from "@playwright/test";
import { en } from "../page/texts/en.ts";
import type { Backend } from "./backend.ts";
import { advance, at, button, check, expect, heading, minute, opening, settle, test } from "./fixture.ts";

/** Opens the page of a sale with all that a page can have. */
async function open(page: Page, backend: Backend, ms: number): Promise<void> {
  backend.sale.logo = "logo.svg";
  backend.sale.links = [{ label: "Privacy", url: "https://example.test/privacy" }];
  await at(page, backend, ms);
}

/** Joins and waits for the place. */
async function join(page: Page, backend: Backend): Promise<void> {
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await expect(page.getByTestId("wait")).toBeVisible();
}

for (const [colorScheme, viewport] of [
  ["light", { width: 320, height: 640 }],
  ["dark", { width: 1280, height: 800 }],
] as const) {
  test.describe(`axe-core finds nothing, ${colorScheme}, ${viewport.width} pixels:`, () => {
    // At rest, since colours in the middle of a transition are nobody's.
    test.use({ colorScheme, viewport, contextOptions: { reducedMotion: "reduce" } });

    test("before the opening", async ({ page, backend }) => {
      backend.sale.codes = true;
      backend.codes.add("SUMMER-1");
      await open(page, backend, -minute);
      await check(page);
      await button(page, "Join when it opens").click();
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page);
      await page.getByRole("textbox").fill("SUMMER-1");
      await button(page, "Join when it opens").click();
      await expect(heading(page, "You are all set")).toBeVisible();
      await check(page);
    });

    test("draw", async ({ page, backend }) => {
      backend.drawFrom = opening - minute;
      await open(page, backend, -30_000);
      await check(page);
      await button(page, "Join the draw").click();
      await settle(page);
      await expect(heading(page, "You are in the draw")).toBeVisible();
      await check(page);
      await advance(page, backend, 32_000);
      await expect(heading(page, "The places are being drawn")).toBeVisible();
      await check(page);
    });

    test("joining, waiting, turn, claimed, purchased", async ({ page, backend }) => {
      backend.pace = 1;
      backend.onJoin = (nth) => (nth === 0 ? { status: 503 } : undefined);
      await open(page, backend, minute);
      await button(page, "Join the line").click();
      await settle(page);
      await expect(heading(page, "Joining…")).toBeVisible();
      await check(page);
      await advance(page, backend, 20_000);
      await expect(page.getByTestId("wait")).toBeVisible();
      await check(page);
      await button(page, "Leave the line").click();
      await check(page);
      await button(page, "Stay").click();
      backend.callUpTo(1_000);
      const turn = heading(page, "It is your turn!");
      for (let asked = 0; asked < 8 && !(await turn.isVisible()); asked++) await advance(page, backend, 10_000);
      await expect(turn).toBeVisible();
      await check(page);
      await button(page, "Take your turn").click();
      await expect(page.getByRole("link", { name: "Go to the tickets" })).toBeVisible();
      await check(page);
      backend.fan.state = "purchased";
      await advance(page, backend, 70_000);
      await expect(heading(page, "Thank you!")).toBeVisible();
      await check(page);
    });

    test("paused, passed, closed", async ({ page, backend }) => {
      backend.near = 500;
      await open(page, backend, minute);
      await join(page, backend);
      backend.paused = true;
      await advance(page, backend, 70_000);
      await expect(page.getByText("The sale is paused.")).toBeVisible();
      await check(page);
      backend.fan.state = "ghost";
      await advance(page, backend, 20_000);
      await expect(heading(page, "You were passed over")).toBeVisible();
      await check(page);
      backend.closesAt = backend.now();
      await advance(page, backend, 70_000);
      await expect(heading(page, "The sale is closed")).toBeVisible();
      await check(page);
    });
  });
}

// Whatever colours are chosen, texts stay legible.
for (const style of [
  { primary: "#ffe600" },
  { primary: "#003", background: "#111111" },
  { primary: "#808080", background: "#808080", text: "#808080" },
]) {
  // prettier-ignore
  test(`contrast of ${JSON.stringify(style)}`, async ({ page, backend }) => {
    backend.sale.style = style;
    backend.pace = 0.1;
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(page, backend, minute);
    await join(page, backend);
    await check(page);
  });
}

const languages = ["en", "de", "fr", "es", "it", "pt"];
const told: Record<string, [string, string]> = {
  en: ["Join the line", "12,099 people are ahead of you"],
  de: ["Anstellen", "12.099 Personen sind vor Ihnen"],
  fr: ["Rejoindre la file", "12 099 personnes devant vous"],
  es: ["Entrar en la cola", "12.099 personas delante de usted"],
  it: ["Entra in coda", "12.099 persone prima di lei"],
  pt: ["Entrar na fila", "12 099 pessoas à sua frente"],
};
for (const language of languages) {
  test.describe(language, () => {
    test.use({
      locale: { en: "en-GB", pt: "pt-PT" }[language] ?? `${language}-${language.toUpperCase()}`,
      viewport: { width: 320, height: 640 },
      contextOptions: { reducedMotion: "reduce" },
    });

    test("the page speaks the visitor's language", async ({ page, backend }) => {
      const [join, ahead] = told[language] ?? ["", ""];
      backend.sale.languages = languages;
      backend.behind = 12_099;
      await open(page, backend, minute);
      await button(page, join).click();
      await settle(page);
      await advance(page, backend, 10_000);
      // Spaces between thousands are of several kinds.
      await expect(page.getByTestId("ahead")).toHaveText(ahead);
      await expect(page.locator("html")).toHaveAttribute("lang", language);
      await page.locator("button.link").click();
      await check(page);
      // Nothing sticks out of its frame either.
      const over = await page.evaluate(() => [...document.querySelectorAll(".card, .card *")].filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map((e) => e.className)); // prettier-ignore
      expect(over).toEqual([]);
      backend.callUpTo(20_000);
      await advance(page, backend, 20_000);
      await expect(page.getByTestId("left")).toBeVisible();
      if (language !== "en") await expect(page.getByRole("heading", { level: 2 })).not.toHaveText(en.called);
      await check(page);
    });
  });
}

test.describe("texts of the sale", () => {
  test.use({ locale: "nl-NL" });

  test("replace and add", async ({ page, backend }) => {
    backend.sale.languages = ["en", "nl"];
    backend.sale.codes = true;
    backend.sale.texts = { nl: { title: "De orkanen, live", join: "In de rij", code: "Jouw code" } };
    await open(page, backend, minute);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("De orkanen, live");
    await expect(page).toHaveTitle("De orkanen, live");
    await expect(page.getByRole("textbox", { name: "Jouw code" })).toBeVisible();
    await expect(button(page, "In de rij")).toBeVisible();
    // What nobody translated is English.
    await expect(page.getByText("Everybody is let in one after another.")).toBeVisible();
  });
});

test("by keyboard alone, the focus follows", async ({ page, backend }) => {
  await open(page, backend, minute);
  await page.keyboard.press("Tab");
  await expect(button(page, "Join the line")).toBeFocused();
  await page.keyboard.press("Enter");
  await settle(page);
  await expect(heading(page, "You have joined")).toBeFocused();
  await advance(page, backend, 10_000);
  await expect(heading(page, "You are in the line")).toBeFocused();
  backend.callUpTo(101);
  await advance(page, backend, 20_000);
  await expect(heading(page, "It is your turn!")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(heading(page, "Your tickets are waiting")).toBeFocused();
});

test("the sound is heard after the visitor has asked for it, and can be turned off for good", async ({
  page,
  backend,
}) => {
  await open(page, backend, minute);
  // Joining is a click, so that the browser lets the page make a sound.
  await join(page, backend);
  await expect(button(page, "Turn the sound off")).toBeVisible();
  await button(page, "Turn the sound off").click();
  await expect(button(page, "Turn the sound on")).toBeVisible();
  await page.reload();
  await settle(page);
  await expect(button(page, "Turn the sound on")).toBeVisible();
  await button(page, "Turn the sound on").click();
  await expect(button(page, "Turn the sound off")).toBeVisible();
});

test("figures are not announced, a turn that comes soon is, once", async ({ page, backend }) => {
  backend.pace = 1;
  backend.behind = 500;
  await open(page, backend, minute);
  await join(page, backend);
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
  await advance(page, backend, 4 * minute, 5_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
  expect(await said()).toEqual([]);
  // Whatever chance adds to the pauses, one look falls into the last two minutes by then.
  await advance(page, backend, 3 * minute + 40_000, 5_000);
  expect((await said()).filter((s) => s !== "")).toEqual(["It is your turn soon."]);
  // An estimate that grows again for a while is no news.
  backend.ask = { far: 5, near: 5 };
  const upTo = (place: number, pace: number) => {
    backend.pace = pace;
    backend.callUpTo(place);
  };
  const { place } = backend.fan;
  upTo(place - 50, 0.1);
  await advance(page, backend, minute, 5_000);
  await expect(page.getByTestId("wait")).toHaveText(/^[4-9] to \d minutes$/);
  upTo(place - 45, 1);
  await advance(page, backend, 20_000, 5_000);
  await expect(page.getByTestId("wait")).toHaveText(/less than|about 1 minute/);
  expect((await said()).filter((s) => s !== "")).toEqual(["It is your turn soon."]);
});
