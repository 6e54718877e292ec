import type { Page } from "@playwright/test";
import { picture } from "../../shared/picture.ts";
import { expect, identify, minute, resultsOf, settle, stopClocks, test, windowOf } from "./fixture.ts";

const opening = Date.parse("2027-05-22T18:15:00Z");

/** Takes the picture, once everything that moves has come to rest. */
async function take(page: Page, name: string): Promise<void> {
  await settle(page);
  await page.clock.runFor(3_000);
  await picture(page, `voting-window-${name}`, name !== "studio");
}

for (const [device, viewport] of Object.entries({
  phone: { width: 390, height: 780 },
  desktop: { width: 1120, height: 760 },
})) {
  test.describe(device, () => {
    test.use({ viewport });

    test("waiting, voting, results", async ({ page, backend }) => {
      backend.window = {
        ...windowOf(0, opening),
        intake: backend.window.intake,
        logo: "logo.svg",
        style: { primary: "#be123c" },
      };
      backend.results = resultsOf(backend.window, "waiting", {});
      await stopClocks(page, backend, opening - 12 * minute - 34_000);
      await page.goto(backend.url);
      await expect(page.getByTestId("opening")).toBeVisible();
      await take(page, `${device}-waiting`);

      backend.results = resultsOf(
        backend.window,
        "open",
        { vote: { anna: 184_213, bruno: 96_402, clara: 141_877 } },
        2,
        opening + 133_000,
      );
      await page.goto("about:blank");
      backend.fixed = opening + 134_000;
      await page.clock.pauseAt(opening + 134_000);
      await page.goto(backend.url);
      await identify(page);
      await page.getByRole("radio", { name: "Clara Vega" }).check();
      await take(page, `${device}-voting`);

      await page.getByRole("button", { name: "Vote", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Result so far" })).toBeVisible();
      await take(page, `${device}-results`);
    });
  });
}

test.describe("studio", () => {
  test.use({ viewport: { width: 1280, height: 720 } });

  test("open", async ({ page, backend }) => {
    backend.window = {
      ...windowOf(0, opening),
      intake: backend.window.intake,
      logo: "logo.svg",
      style: { primary: "#be123c" },
    };
    backend.results = resultsOf(
      backend.window,
      "open",
      { vote: { anna: 184_213, bruno: 96_402, clara: 141_877 } },
      2,
      opening + 317_000,
    );
    await stopClocks(page, backend, opening + 5 * minute + 18_000);
    await page.goto(`${backend.url}studio`);
    await expect(page.getByText("184,213")).toBeVisible();
    await take(page, "studio");
  });
});
