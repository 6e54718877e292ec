import { expect, type Page } from "@playwright/test";
import { minute, settle, stopClocks, test as base } from "../../shared/testing.ts";
import { Backend } from "./backend.ts";

export { expect };
export { advance, check, minute, settle, show, stopClocks } from "../../shared/testing.ts";

/** When the sale opens, where a test stops the clocks. */
export const opening = Date.parse("2027-05-22T18:00:00Z");

/** A backend with a sale that opened a minute ago, checked at the end for what no answer would show. */
export const test = base.extend<{ backend: Backend }>({
  backend: async ({}, use) => {
    const backend = new Backend();
    backend.opensAt = Date.now() - minute;
    await backend.start();
    await use(backend);
    await backend.stop();
    expect(backend.failed).toBeUndefined();
  },
  // Chance spreads what fans ask; here nothing depends on it.
  context: async ({ context }, use) => {
    await context.addInitScript(() => {
      Math.random = () => 0.5;
    });
    await use(context);
  },
});

/** Opens the page so long after the opening, in milliseconds, with the device's clock as wrong as told. */
export async function at(page: Page, backend: Backend, ms: number, device = 0): Promise<void> {
  backend.opensAt = opening;
  if (backend.front.line === "") backend.callUpTo(0);
  backend.front.at = opening;
  await stopClocks(page, backend, opening + ms, device);
  await page.goto(backend.url);
  await expect(page.locator("main.loading")).toHaveCount(0);
  await settle(page);
}

export const heading = (page: Page, name: string) => page.getByRole("heading", { level: 2, name, exact: true });
export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Counts the notes that the page plays. Before the page is opened. */
export async function listen(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    const state = globalThis as unknown as { notes: number };
    state.notes = 0;
    const create = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function (this: AudioContext) {
      state.notes++;
      return create.call(this);
    };
  });
  return () => page.evaluate(() => (globalThis as unknown as { notes: number }).notes);
}
