// Pictures of pages for the documentation.
import { writeFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import png from "upng-js";

const images = new URL("../../../docs/images/", import.meta.url);
/** A page of documentation should load fast. */
const maxBytes = 100_000;

/** Takes a picture of the page as it is and writes it to docs/images. */
export async function picture(page: Page, name: string, fullPage: boolean): Promise<void> {
  await page.mouse.move(0, 0);
  const taken = png.decode(
    new Uint8Array(await page.screenshot({ animations: "disabled", scale: "css", fullPage })).buffer,
  );
  const palette = Buffer.from(png.encode(png.toRGBA8(taken), taken.width, taken.height, 200));
  expect(palette.length).toBeLessThan(maxBytes);
  writeFileSync(new URL(`${name}.png`, images), palette);
}
