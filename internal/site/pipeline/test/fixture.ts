import { expect, type Page } from "@playwright/test";
import { test as base } from "../../shared/testing.ts";
import { Backend, goodKey } from "./backend.ts";

export { expect };
export { advance, check, minute, settle, show, stopClocks } from "../../shared/testing.ts";

/** A backend whose API takes keys, checked at the end for what no answer would show. */
export const test = base.extend<{ backend: Backend }>({
  backend: async ({}, use) => {
    const backend = new Backend();
    await backend.start();
    await use(backend);
    await backend.stop();
    expect(backend.failed).toBeUndefined();
  },
});

export const heading = (page: Page, name: string) => page.getByRole("heading", { level: 2, name, exact: true });
export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
export const link = (page: Page, name: string) => page.getByRole("link", { name, exact: true });

/** Opens the page and gives the key. */
export async function signIn(page: Page, backend: Backend, at = ""): Promise<void> {
  await page.goto(`${backend.url}${at}`);
  await page.getByLabel("API key").fill(goodKey);
  await button(page, "Sign in").click();
}

/** Opens the page, gives the key, and waits until the API has told whose it is. */
export async function enter(page: Page, backend: Backend, at = ""): Promise<void> {
  await signIn(page, backend, at);
  await expect(page.getByText("Signed in as partner")).toBeVisible();
}
