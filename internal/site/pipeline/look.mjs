// Looks at the real page of a pipeline whose API asks for a key, in headless Chromium, as a reader would. For the demo.
import { parseArgs } from "node:util";
import { open, run, visit } from "../shared/visit.mjs";

const usage = `usage: API_KEY=KEY node look.mjs --url URL --segment VALUE [--screenshot FILE.png] [--figures FILE.png]
                               [--timeout SECONDS] [--proxy URL]

Signs in at the page at URL, finds the segment of a value, opens it, and prints what the page says of it.
--screenshot takes a picture of the segments, --figures one of the segment. --proxy leads to an AWS that is not the real one, and
its certificates are taken as they are.`;

await run(() => look(options()));

function options() {
  const text = { type: /** @type {const} */ ("string") };
  const { values } = parseArgs({
    options: {
      url: text,
      segment: text,
      screenshot: text,
      figures: text,
      proxy: text,
      timeout: { ...text, default: "60" },
    },
  });
  const { url, segment } = values;
  const key = process.env.API_KEY;
  if (!url || !segment || !key) throw new Error(usage);
  return { ...values, url, segment, key, timeout: Number(values.timeout) * 1000 };
}

/** @param {ReturnType<typeof options>} wanted */
async function look({ url, segment, key, screenshot, figures, proxy, timeout }) {
  await visit({ proxy, timeout, viewport: { width: 1000, height: 760 } }, async (page) => {
    await open(page, url);
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const alert = page.getByRole("alert");
    const total = page.getByText(/^\d+ segments?$/);
    await total.or(alert).first().waitFor();
    if ((await total.count()) === 0) throw new Error(`the page shows no segments: ${await alert.allInnerTexts()}`);
    console.log(await total.first().innerText());
    if (screenshot !== undefined) await page.screenshot({ path: screenshot });
    await page.getByRole("searchbox").fill(segment);
    await page.getByRole("link", { name: segment, exact: true }).click();
    await page.getByRole("heading", { name: segment, exact: true }).waitFor();
    const shown = page.locator("svg").first();
    await shown.or(alert).first().waitFor();
    if ((await shown.count()) === 0) throw new Error(`the page shows no figures: ${await alert.allInnerTexts()}`);
    console.log(await page.locator("main").innerText());
    if (figures !== undefined) await page.screenshot({ path: figures, fullPage: true });
  });
}
