// Casts one vote through the real page, in headless Chromium, as a voter would. For the demo and for acceptance tests.
import { parseArgs } from "node:util";
import { messageOf, open, run, visit } from "../shared/visit.mjs";

const usage = `usage: node cast.mjs --url URL --answer ID [--voter IDENTIFIER] [--question ID] [--ticket TICKET] [--token JWT]
                     [--rehearsal] [--screenshot FILE.png] [--studio FILE.png] [--timeout SECONDS]
                     [--proxy URL] [--watch VOTES]

Waits for the window to open, votes through the page at URL, and exits with 0 once the vote was accepted.
--watch waits until the results show so many votes, and says how often they were read from where.
--screenshot takes a picture of the results after the vote, --studio one of the studio view. --proxy leads to an AWS that is
not the real one, and its certificates are taken as they are.`;

await run(() => cast(options()));

function options() {
  const text = { type: /** @type {const} */ ("string") };
  const { values } = parseArgs({
    options: {
      url: text,
      voter: text,
      answer: text,
      question: text,
      ticket: text,
      token: text,
      rehearsal: { type: "boolean" },
      screenshot: text,
      studio: text,
      proxy: text,
      watch: text,
      timeout: { ...text, default: "60" },
    },
  });
  const { url, answer } = values;
  if (!url || !answer) throw new Error(usage);
  return { ...values, url, answer, timeout: Number(values.timeout) * 1000 };
}

/** @param {ReturnType<typeof options>} wanted */
async function cast({
  url,
  voter,
  answer,
  question,
  ticket,
  token,
  rehearsal,
  screenshot,
  studio,
  timeout,
  proxy,
  watch,
}) {
  await visit({ proxy, timeout }, async (page, failures) => {
    const fragment = new URLSearchParams({
      ...(ticket === undefined ? {} : { ticket }),
      ...(token === undefined ? {} : { token }),
      ...(rehearsal ? { rehearsal: "" } : {}),
    });
    const address = new URL(url);
    address.hash = fragment.toString();
    const reads = { object: 0, board: 0 };
    page.on("response", (r) => {
      if (r.status() >= 400) return;
      if (r.url().endsWith("/results.json")) reads.object++;
      if (r.request().headers()["x-amz-target"]?.endsWith(".GetItem")) reads.board++;
    });
    await open(page, address.href);
    try {
      if (voter !== undefined) {
        await page.locator("#voter").fill(voter);
        await page.locator("form .primary").click();
      }
      const radio = `input[type=radio][value="${quoted(answer)}"]${question === undefined ? "" : `[name="${quoted(question)}"]`}`;
      // The ballot opens by itself; a notice instead of it, or an error, is an end.
      await page.locator(`${radio}, .error, .results`).first().waitFor();
      if ((await page.locator(radio).count()) === 0) throw new Error(`no ballot with ${answer}: ${await said(page)}`);
      await page.locator(radio).first().check();
      await page.locator("form .primary").click();
      await page.locator(".note.good, .note.error, .error").first().waitFor();
      if ((await page.locator(".note.good").count()) === 0)
        throw new Error(`the vote was not accepted: ${await said(page)}`);
    } catch (e) {
      const seen = failures.length > 0 ? `\nrequests that failed:\n  ${failures.join("\n  ")}` : "";
      throw new Error(`${messageOf(e)}${seen}`);
    }
    console.log(await said(page));
    if (watch !== undefined) {
      const shown = page.locator(".results .total", { hasText: new RegExp(`^${Number(watch)} votes?$`) });
      await shown.waitFor().catch((e) => {
        throw new Error(`${e}\nrequests that failed:\n  ${failures.join("\n  ")}`);
      });
      console.log(
        `results were read ${reads.object} times from results.json, ${reads.board} times from the status board`,
      );
    }
    if (screenshot !== undefined) {
      await page.locator(".results").waitFor();
      await page.screenshot({ path: screenshot, fullPage: true });
    }
    if (studio !== undefined) {
      await page.setViewportSize({ width: 1280, height: 720 });
      await page.goto(new URL("studio", url).href);
      await page.locator(".scene").waitFor();
      await page.screenshot({ path: studio });
    }
  });
}

/**
 * What the page says to the voter.
 * @param {import("playwright-core").Page} page
 */
async function said(page) {
  const texts = await page.locator(".note, .error, h2").allInnerTexts();
  return texts.join(" / ") || (await page.locator("body").textContent());
}

/**
 * A text inside the quotes of a selector.
 * @param {string} text
 */
function quoted(text) {
  return text.replace(/["\\]/g, "\\$&");
}
