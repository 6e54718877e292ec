import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { buildSchema, parse, validate } from "graphql";
import { schemaText } from "./backend.ts";
import { advance, enter, expect, link, minute, show, stopClocks, test } from "./fixture.ts";

const file = readFileSync(new URL("../dist/index.html", import.meta.url));
const queries = new URL("../page/queries/", import.meta.url);

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

test("each query is one of the API's schema", () => {
  const schema = buildSchema(schemaText);
  const names = readdirSync(queries);
  expect(names).toHaveLength(11);
  for (const name of names) {
    const wrong = validate(schema, parse(readFileSync(new URL(name, queries), "utf8")));
    expect(wrong.map((e) => `${name}: ${e.message}`)).toEqual([]);
  }
});

test("each view is one query, and one question before all of them", async ({ page, backend }) => {
  await enter(page, backend);
  await expect(page.getByText("57 segments")).toBeVisible();
  const sent = () => backend.seen.map((s) => `${s.method} ${s.path}`);
  await expect.poll(() => sent().length).toBe(4);
  expect(sent()).toEqual(["GET /", "GET /pipeline.json", "OPTIONS /graphql", "POST /graphql"]);
  backend.seen = [];
  await link(page, "Fitzroy").click();
  await expect(page.getByRole("img")).toBeVisible();
  await link(page, "Runs").click();
  await expect(link(page, "run-1")).toBeVisible();
  expect(sent()).toEqual(["POST /graphql", "POST /graphql"]);
});

test("lists at rest ask seldom, and nothing while nobody looks", async ({ page, backend }) => {
  await stopClocks(page, backend, Date.parse("2027-05-22T18:15:00Z"));
  await enter(page, backend);
  await advance(page, backend, 10 * minute);
  expect(backend.count("Segments")).toBe(1);
  await link(page, "Runs").click();
  await advance(page, backend, 10 * minute);
  expect(backend.count("Runs")).toBeGreaterThanOrEqual(19);
  expect(backend.count("Runs")).toBeLessThanOrEqual(22);
  await show(page, false);
  const before = backend.asked.length;
  await advance(page, backend, 10 * minute);
  expect(backend.asked.length).toBe(before);
});

test("a script that is slipped in does not run", async ({ page, backend }) => {
  await page.goto(backend.url);
  const value = backend.segments[0];
  if (value) value.value = '<img src=x onerror="globalThis.slipped = true">';
  await enter(page, backend);
  await expect(link(page, '<img src=x onerror="globalThis.slipped = true">')).toBeVisible();
  expect(await page.evaluate(() => "slipped" in globalThis)).toBe(false);
});
