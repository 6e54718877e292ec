// A visit to a deployed page in headless Chromium: what the scripts for the demo and the acceptance tests have in common.
import { chromium } from "playwright-core";
import { launchOptions } from "./chromium.mjs";

/** The message of whatever was thrown. */
export const messageOf = (/** @type {unknown} */ e) => (e instanceof Error ? e.message : String(e));

/**
 * Runs a script, and says on standard error why it failed.
 * @param {() => Promise<void>} script
 */
export async function run(script) {
  try {
    await script();
  } catch (e) {
    console.error(messageOf(e));
    process.exitCode = 1;
  }
}

/**
 * Gives act an empty page and the list of the requests and scripts that will have failed in it, and closes the browser
 * in the end. A proxy leads to an AWS that is not the real one: its certificates are taken as they are.
 * @param {{ proxy?: string | undefined, timeout: number, viewport?: { width: number, height: number } }} how Milliseconds.
 * @param {(page: import("playwright-core").Page, failures: string[]) => Promise<void>} act
 */
export async function visit({ proxy, timeout, viewport = { width: 480, height: 960 } }, act) {
  const browser = await chromium.launch({
    ...launchOptions,
    ...(proxy === undefined ? {} : { proxy: { server: proxy } }),
  });
  try {
    const page = await browser.newPage({
      locale: "en-GB",
      viewport,
      reducedMotion: "reduce",
      ignoreHTTPSErrors: proxy !== undefined,
    });
    page.setDefaultTimeout(timeout);
    const failures = /** @type {string[]} */ ([]);
    page.on("requestfailed", (r) => failures.push(`${r.method()} ${r.url()}: ${r.failure()?.errorText}`));
    page.on("response", (r) => r.status() >= 400 && failures.push(`${r.request().method()} ${r.url()}: ${r.status()}`));
    page.on("pageerror", (e) => failures.push(String(e)));
    await act(page, failures);
  } finally {
    await browser.close();
  }
}

/**
 * Goes to an address where there must be a page.
 * @param {import("playwright-core").Page} page
 * @param {string} address
 */
export async function open(page, address) {
  const response = await page.goto(address);
  if (!response?.ok()) throw new Error(`there is no page at ${address}: ${response?.status()}`);
}
