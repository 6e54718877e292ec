import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { goodKey } from "./backend.ts";
import { expect, test } from "./fixture.ts";

const script = fileURLToPath(new URL("../look.mjs", import.meta.url));

/** Runs look.mjs. */
function look(key: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [script, ...args],
      { env: { ...process.env, API_KEY: key } },
      (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

test("look.mjs finds a segment and takes pictures", async ({ backend }, info) => {
  const [segments, figures] = [info.outputPath("segments.png"), info.outputPath("figures.png")];
  const args = ["--url", backend.url, "--segment", "Fitzroy", "--screenshot", segments, "--figures", figures];
  const { code, out, err } = await look(goodKey, ...args);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("57 segments");
  expect(out).toContain("Fitzroy");
  for (const file of [segments, figures]) expect(readFileSync(file).subarray(1, 4).toString()).toBe("PNG");
});

test("look.mjs says what the page says", async ({ backend }) => {
  const refused = await look("of somebody else's API", "--url", backend.url, "--segment", "Fitzroy", "--timeout", "5");
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("The API does not take this key.");
  const usage = await look("", "--url", backend.url);
  expect(usage.code).toBe(1);
  expect(usage.err).toContain("usage: API_KEY=KEY node look.mjs");
});
