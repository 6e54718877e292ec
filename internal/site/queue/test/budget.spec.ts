import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { advance, at, button, expect, heading, minute, settle, test } from "./fixture.ts";

const file = readFileSync(new URL("../dist/index.html", import.meta.url));
const client = fileURLToPath(new URL("../client/", import.meta.url));

// Each kilobyte of it costs eight cents for a million fans.
test("the page in English has at most 17.2 KB, compressed", () => {
  const english = file.toString("utf8").replace(/(id="texts">).*?(<\/script>)/s, "$1{}$2");
  const size = brotliCompressSync(english).length;
  expect(size).toBeGreaterThan(10_000);
  expect(size).toBeLessThanOrEqual(17_200);
});

test("the client has under 10 KB, compressed, and imports nothing", () => {
  const built = readFileSync(join(client, "dist/index.js"));
  const size = gzipSync(built, { level: 9 }).length;
  expect(size).toBeGreaterThan(2_000);
  expect(size).toBeLessThan(10_000);
  expect(built.toString("utf8")).not.toMatch(/\bimport\b|\brequire\(/);
});

test("the package has what it needs, and its types stand alone", () => {
  const said = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: client,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [packed] = JSON.parse(said.toString("utf8")) as { name: string; files: { path: string }[] }[];
  expect(packed?.name).toBe("@burstline/queue-client");
  const types = ["index", "line", "room", "status", "types"].map((n) => `dist/types/queue/client/${n}.d.ts`);
  expect(packed?.files.map((f) => f.path).sort()).toEqual(
    ["README.md", "dist/index.js", ...types, "package.json"].sort(),
  );
  // A stranger's project that has nothing but the package.
  const folder = mkdtempSync(join(tmpdir(), "client-"));
  const options = { compilerOptions: { strict: true, noEmit: true, module: "ESNext", moduleResolution: "bundler", target: "ES2022", lib: ["ES2022", "DOM"], types: [], paths: { "@burstline/queue-client": [join(client, "dist/types/queue/client/index.d.ts")] } }, files: ["own.ts"] }; // prettier-ignore
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  writeFileSync(
    join(folder, "own.ts"),
    `import { JoinRefused, type Snapshot, WaitingRoom } from "@burstline/queue-client";
const room = new WaitingRoom({ sale: "a", joinURL: "https://a.test", turnURL: "https://a.test", status: "a.json" });
const first: Promise<Snapshot> = room.start().join({ code: "c" });
first.catch((e: unknown) => e instanceof JoinRefused && e.reason satisfies string);
for await (const { ahead, estimate } of room.wait()) console.log(ahead?.toFixed(), estimate?.low);
export {};
`,
  );
  const tsc = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));
  const wrong = (() => {
    try {
      execFileSync(tsc, ["--project", folder]);
      return "";
    } catch (e) {
      return String((e as { stdout?: Buffer }).stdout);
    }
  })();
  rmSync(folder, { recursive: true });
  expect(wrong).toBe("");
});

test("the page has no handler that its policy would have to allow", () => {
  const html = file.toString("utf8").replace(/<(script|style)[^>]*>.*?<\/\1>/gs, "");
  expect(html).toContain("script-src 'sha256-");
  expect(html).not.toMatch(/\son\w+=|unsafe-|style=/);
});

test("loading takes two requests, joining one", async ({ page, backend }) => {
  const asked: string[] = [];
  page.on("request", (r) => asked.push(`${r.method()} ${new URL(r.url()).pathname}`));
  await page.goto(backend.url);
  await expect(button(page, "Join the line")).toBeVisible();
  expect(asked.sort()).toEqual(["GET /", "GET /status/arena.json"]);
  asked.length = 0;
  await button(page, "Join the line").click();
  await expect(heading(page, "You have joined")).toBeVisible();
  expect(asked).toEqual(["POST /join"]);
});

for (const tellsAhead of [true, false]) {
  test(`a wait of twenty minutes asks some fifteen times${tellsAhead ? "" : ", where turn says less"}`, async ({
    page,
    backend,
  }) => {
    backend.tellsAhead = tellsAhead;
    backend.pace = 10;
    backend.behind = 12_000;
    backend.near = 1_200;
    await at(page, backend, minute);
    await button(page, "Join the line").click();
    await settle(page);
    await advance(page, backend, 10_000);
    await expect(page.getByTestId("wait")).toHaveText(/^1[56] to 20 minutes$/);
    backend.seen = [];
    await advance(page, backend, 21 * minute, 2_000);
    await expect(heading(page, "It is your turn!")).toBeVisible();
    const asked = backend.count("/status/arena.json") + backend.count("/turn");
    expect(backend.count("/join")).toBe(0);
    expect(asked).toBeGreaterThanOrEqual(12);
    expect(asked).toBeLessThanOrEqual(tellsAhead ? 22 : 35);
  });
}

test("an hour before the opening asks a dozen times", async ({ page, backend }) => {
  await at(page, backend, -60 * minute);
  await button(page, "Join when it opens").click();
  backend.seen = [];
  await advance(page, backend, 59 * minute, 15_000);
  expect(backend.count("/status/arena.json")).toBeLessThanOrEqual(16);
  expect(backend.count("/join") + backend.count("/turn")).toBe(0);
});

test("those who waited for the opening join spread over five seconds", async ({ browser, backend }) => {
  // The backend's clock is the machine's; each page is a fan of its own.
  backend.opensAt = Date.now() + 6_000;
  const fans = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const context = await browser.newContext({ locale: "en-GB" });
      const fan = await context.newPage();
      await fan.goto(backend.url);
      return { context, fan };
    }),
  );
  await Promise.all(fans.map(({ fan }) => fan.getByRole("button", { name: /^Join/ }).click()));
  await expect.poll(() => backend.joins.length).toBe(6);
  const after = backend.seen.filter((s) => s.path === "/join" && s.status === 202).map((s) => s.at - backend.opensAt);
  expect(Math.min(...after)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...after)).toBeLessThanOrEqual(8_000);
  expect(Math.max(...after) - Math.min(...after)).toBeGreaterThan(200);
  await Promise.all(fans.map(({ context }) => context.close()));
});

test("a script that is slipped in does not run", async ({ browser, backend }) => {
  const page = await browser.newPage();
  await page.goto(backend.url);
  const refused = await page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.text = "globalThis.slipped = true";
      document.body.append(script);
      return "slipped" in globalThis ? "ran" : "";
    } catch (e) {
      return String(e);
    }
  });
  await page.close();
  expect(refused).toContain("TrustedScript");
});
