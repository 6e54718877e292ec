// Goes the whole way through the real page, in headless Chromium, as a fan would. For acceptance tests and the demo.
import { parseArgs } from "node:util";
import { messageOf, open, run, visit } from "../shared/visit.mjs";

const usage = `usage: node wait.mjs --url URL [--code CODE] [--reads OPERATION] [--screenshot FILE.png] [--timeout SECONDS] [--proxy URL]

Joins at the page at URL, or before the opening says that it wants to, waits for its turn, takes it, and writes one JSON object:
the headings that were seen, and the address of the link to the tickets. --reads waits before joining until the page
has called that operation of AWS. --screenshot takes a picture of that link. --proxy leads
to an AWS that is not the real one, and its certificates are taken as they are.`;

await run(() => wait(options()));

function options() {
  const text = { type: /** @type {const} */ ("string") };
  const { values } = parseArgs({
    options: {
      url: text,
      code: text,
      reads: text,
      screenshot: text,
      proxy: text,
      timeout: { ...text, default: "180" },
    },
  });
  const { url } = values;
  if (!url) throw new Error(usage);
  return { ...values, url, timeout: Number(values.timeout) * 1000 };
}

/** @param {ReturnType<typeof options>} wanted */
async function wait({ url, code, reads, screenshot, timeout, proxy }) {
  await visit({ proxy, timeout }, async (page, failures) => {
    const address = new URL(url);
    if (code !== undefined) address.hash = new URLSearchParams({ code }).toString();
    // A visitor may think until the page has read the status by itself.
    const read =
      reads !== undefined &&
      page.waitForResponse((r) => r.request().headers()["x-amz-target"]?.endsWith(reads) === true);
    await open(page, address.href);
    const seen = /** @type {string[]} */ ([]);
    const note = (/** @type {string} */ text) => seen.at(-1) !== text && seen.push(text);
    await page.exposeFunction("noteHeading", note);
    await page.evaluate(() => {
      const look = () =>
        document.querySelectorAll("h2").forEach((h) => /** @type {any} */ (window).noteHeading(h.textContent));
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
      look();
    });
    try {
      if (read && !(await read).ok()) throw new Error(`${reads} refused the page`);
      await page.getByRole("button", { name: /^Join (the line|when it opens|the draw)$/ }).click();
      await page.getByRole("button", { name: "Take your turn" }).click();
      const link = page.getByRole("link", { name: "Go to the tickets" });
      const tickets = await link.getAttribute("href");
      if (screenshot !== undefined) await page.screenshot({ path: screenshot, fullPage: true });
      console.log(JSON.stringify({ seen, tickets }));
    } catch (e) {
      const said = await page.locator("body").innerText();
      throw new Error(
        `${messageOf(e)}\nseen: ${seen.join(" / ")}\nthe page says: ${said}\nrequests that failed:\n  ${failures.join("\n  ")}`,
      );
    }
  });
}
