import { writeFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import png from "upng-js";
import { expect, identify, minute, resultsOf, settle, stopClocks, test, windowOf } from "./fixture.ts";

const images = new URL("../../../../docs/images/", import.meta.url);
/** A page of documentation should load fast. */
const maxBytes = 100_000;
const opening = Date.parse("2027-05-22T18:15:00Z");

/** Takes the picture, once everything that moves has come to rest. */
async function picture(page: Page, name: string): Promise<void> {
  await settle(page);
  await page.clock.runFor(3_000);
  await page.mouse.move(0, 0);
  const taken = png.decode(
    new Uint8Array(await page.screenshot({ animations: "disabled", scale: "css", fullPage: name !== "studio" })).buffer,
  );
  const palette = Buffer.from(png.encode(png.toRGBA8(taken), taken.width, taken.height, 200));
  expect(palette.length).toBeLessThan(maxBytes);
  writeFileSync(new URL(`voting-window-${name}.png`, images), palette);
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
      await picture(page, `${device}-waiting`);

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
      await picture(page, `${device}-voting`);

      await page.getByRole("button", { name: "Vote", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Result so far" })).toBeVisible();
      await picture(page, `${device}-results`);
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
    await picture(page, "studio");
  });
});
