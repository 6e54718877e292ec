import type { Page } from "@playwright/test";
import { isFresh, readLine } from "../page/status.ts";
import type { Backend } from "./backend.ts";
import { advance, expect, identify, minute, resultsOf, settle, stopClocks, test, vote, windowOf } from "./fixture.ts";

// The same line as in the test of the publisher.
const line = "5 open 1900000004 1900000000 1900000600.050 vote/anna=7,bruno=5 outfit/red=3,gold=9";

test("a line of the status board", () => {
  const want = {
    status: "open",
    as_of: "2030-03-17T17:46:44.000Z",
    opens_at: "2030-03-17T17:46:40.000Z",
    closes_at: "2030-03-17T17:56:40.050Z",
    total: 24,
    questions: {
      vote: { total: 12, answers: { anna: 7, bruno: 5 } },
      outfit: { total: 12, answers: { red: 3, gold: 9 } },
    },
    version: 5,
  } as const;
  expect(readLine(line)).toEqual(want);
  const { total: _, questions: __, ...hidden } = want;
  expect(readLine(line.slice(0, line.indexOf(" vote")))).toEqual(hidden);
  for (const wrong of [
    "",
    "5",
    "five open 1 2 3",
    "5 shut 1 2 3",
    "5 open 1 2",
    "5 open 1 2 soon",
    "5 open 1 2 3 a/b",
  ]) {
    expect(readLine(wrong)).toBeUndefined();
  }
});

test("how old a line may be", () => {
  const found = readLine(line);
  if (found === undefined) throw new Error("no line");
  const at = Date.parse(found.as_of);
  expect([0, 59_999, 60_000].map((later) => isFresh(found, at + later))).toEqual([true, true, false]);
  expect(isFresh({ ...found, status: "final" }, at + 600 * minute)).toBe(true);
});

/** A window that opened a minute ago, whose results are on a board, with a voter who has voted. */
async function watching(page: Page, backend: Backend): Promise<void> {
  backend.window = { ...windowOf(minute), intake: backend.window.intake, status: { credentials: "viewers.json" } };
  backend.results = resultsOf(backend.window, "open", { vote: { anna: 5, bruno: 3, clara: 2 } });
  await stopClocks(page, backend, Date.now());
  show(backend, 2, 6);
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await settle(page);
}

/** Puts figures for Anna on the board, as of now. */
function show(backend: Backend, version: number, anna: number, status = "open", asOf = backend.now()): void {
  const seconds = (text: string) => Date.parse(text) / 1000;
  const { opens_at, closes_at } = backend.window;
  const times = [Math.floor(asOf / 1000), seconds(opens_at), seconds(closes_at)].join(" ");
  backend.line = `${version} ${status} ${times} vote/anna=${anna},bruno=3,clara=2`;
}

const votes = (page: Page, n: string) =>
  expect(page.locator("p.total", { hasText: new RegExp(`^${n} votes$`) })).toBeVisible();

test("results from the status board", async ({ page, backend }) => {
  await watching(page, backend);
  await advance(page, backend, 12_000);
  await votes(page, "11");
  expect(backend.count("/results.json")).toBe(1);
  expect(backend.count("/viewers.json")).toBe(1);
  for (let i = 0; i < 8; i++) {
    show(backend, 3 + i, 100 + i);
    await advance(page, backend, 17_000);
    await votes(page, String(105 + i));
  }
  expect(backend.count("/results.json")).toBe(1);
  expect(backend.count("/viewers.json")).toBe(1);
  // Each read takes a shard by chance.
  expect(backend.shards.length).toBeGreaterThan(8);
  expect(new Set(backend.shards).size).toBeGreaterThan(4);
  expect(backend.shards.every((s) => /^\d\d?$/.test(s))).toBe(true);
  // An older one than another shard has said is not shown.
  show(backend, 4, 1);
  await advance(page, backend, 17_000);
  await votes(page, "112");
  show(backend, 20, 200, "final");
  await advance(page, backend, 17_000);
  await votes(page, "205");
  const read = backend.shards.length;
  await advance(page, backend, 60_000);
  expect(backend.shards.length).toBe(read);
});

test("after a sleep results.json tells the time, once", async ({ page, backend }) => {
  await watching(page, backend);
  await advance(page, backend, 40_000);
  // Three minutes, for which a signature still holds.
  backend.fixed = backend.now() + 3 * minute;
  await page.clock.setSystemTime(backend.fixed);
  show(backend, 3, 7);
  const [objects, reads] = [backend.count("/results.json"), backend.shards.length];
  await advance(page, backend, 50_000, 1_000);
  expect(backend.count("/results.json") - objects).toBe(1);
  expect(backend.shards.length - reads).toBeLessThanOrEqual(4);
});

test("before the opening results.json is read", async ({ page, backend }) => {
  backend.window = { ...windowOf(-minute), intake: backend.window.intake, status: { credentials: "viewers.json" } };
  backend.results = resultsOf(backend.window, "waiting", { vote: { anna: 0, bruno: 0, clara: 0 } });
  await stopClocks(page, backend, Date.now());
  await page.goto(backend.url);
  await settle(page);
  await advance(page, backend, 50_000);
  expect(backend.count("/results.json")).toBeGreaterThan(1);
  expect(backend.count("/viewers.json")).toBe(0);
});

const broken: Record<string, (backend: Backend) => void> = {
  "there are no credentials": (b) => b.broken.set("/viewers.json", 403),
  "credentials cannot be read": (b) => b.broken.set("/viewers.json", 503),
  "the table fails": (b) => b.broken.set("/dynamodb", 500),
  "the table is not reached": (b) => b.broken.set("/dynamodb", 0),
  "the table throttles": (b) => {
    b.onStatus = () => ({
      status: 400,
      body: { __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException" },
    });
  },
  "credentials are refused": (b) => {
    b.onStatus = () => ({ status: 400, body: { __type: "com.amazonaws.dynamodb.v20120810#AccessDeniedException" } });
  },
  "the table is empty": (b) => {
    b.line = undefined;
  },
  "the line is none": (b) => {
    b.line = "hello";
  },
  "the line was left behind": (b) => show(b, 2, 6, "open", b.now() - minute),
};

for (const [name, spoil] of Object.entries(broken)) {
  test(`results.json where ${name}, and the board again`, async ({ page, backend }) => {
    await watching(page, backend);
    await votes(page, "10");
    spoil(backend);
    if (backend.results) backend.results = { ...backend.results, version: 3, total: 50 };
    if (backend.results?.questions?.vote) backend.results.questions.vote = { total: 50, answers: { anna: 50 } };
    await advance(page, backend, 25_000);
    await votes(page, "50");
    // It is left alone for a minute at the least, and what fails is not asked for again and again.
    const asked = backend.count("/viewers.json") + backend.count("/dynamodb");
    expect(asked).toBeLessThanOrEqual(6);
    await advance(page, backend, 30_000, 5_000);
    expect(backend.count("/viewers.json") + backend.count("/dynamodb")).toBeLessThanOrEqual(asked);
    backend.broken.clear();
    backend.onStatus = () => undefined;
    for (let i = 0; i < 10; i++) {
      show(backend, 9, 95);
      await advance(page, backend, 15_000, 5_000);
    }
    await votes(page, "100");
  });
}

test("credentials that were replaced are read again", async ({ page, backend }) => {
  await watching(page, backend);
  await advance(page, backend, 12_000);
  await votes(page, "11");
  backend.issue();
  show(backend, 3, 15);
  await advance(page, backend, 25_000);
  await votes(page, "20");
  expect(backend.count("/viewers.json")).toBe(2);
  expect(backend.count("/results.json")).toBe(1);
});

test("credentials are renewed before they end", async ({ page, backend }) => {
  backend.issue(25 * minute);
  await watching(page, backend);
  backend.window.closes_at = new Date(backend.now() + 60 * minute).toISOString();
  await advance(page, backend, 12_000);
  expect(backend.count("/viewers.json")).toBe(1);
  for (let i = 0; i < 50; i++) {
    if (i === 40) backend.issue(60 * minute);
    show(backend, 3 + i, 10 + i);
    await advance(page, backend, 30_000, 10_000);
  }
  await votes(page, "64");
  expect(backend.count("/viewers.json")).toBeGreaterThan(1);
  expect(backend.count("/viewers.json")).toBeLessThan(25);
  expect(backend.count("/results.json")).toBe(1);
});
