import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, identify, test, thanks, vote } from "./fixture.ts";

const file = readFileSync(new URL("../dist/index.html", import.meta.url));

test("the page has at most 50 KB, compressed", () => {
  const size = gzipSync(file, { level: 9 }).length;
  expect(size).toBeGreaterThan(10_000);
  expect(size).toBeLessThanOrEqual(50_000);
});

test("the page has no handler that its policy would have to allow", () => {
  const html = file.toString("utf8").replace(/<(script|style)[^>]*>.*?<\/\1>/gs, "");
  expect(html).toContain("script-src 'sha256-");
  expect(html).not.toMatch(/\son\w+=|unsafe-|style=/);
});

test("loading takes three requests, a vote by SQS two more", async ({ page, backend }) => {
  backend.window.intake = { kind: "direct", credentials: "credentials.json" };
  const asked: string[] = [];
  page.on("request", (r) => asked.push(`${r.method()} ${new URL(r.url()).pathname}`));
  await page.goto(backend.url);
  await expect(page.getByRole("textbox")).toBeVisible();
  expect(asked.sort()).toEqual(["GET /", "GET /results.json", "GET /window.json"]);
  asked.length = 0;
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  await expect.poll(() => backend.count("/sqs")).toBe(1);
  expect(asked.filter((a) => a !== "GET /results.json").sort()).toEqual(["GET /credentials.json", "POST /sqs"]);
  expect(asked.filter((a) => a === "GET /results.json").length).toBeLessThanOrEqual(1);
  expect(backend.seen.filter((s) => s.method === "OPTIONS")).toEqual([]);
});

test("a script that is slipped in does not run", async ({ browser, backend }) => {
  const page = await browser.newPage();
  const response = page.waitForResponse(backend.url);
  await page.goto(backend.url);
  expect((await response).ok()).toBe(true);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    let refused: string;
    try {
      script.text = "globalThis.slipped = true";
      document.body.append(script);
      refused = "";
    } catch (e) {
      refused = String(e);
    }
    return { slipped: "slipped" in globalThis, refused };
  });
  await page.close();
  expect(ran.slipped).toBe(false);
  expect(ran.refused).toContain("TrustedScript");
});
