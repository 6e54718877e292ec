import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "./fixture.ts";

const script = fileURLToPath(new URL("../cast.mjs", import.meta.url));

/** Runs cast.mjs. */
function cast(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

test("cast.mjs votes and takes pictures", async ({ backend }, info) => {
  const [shot, studio] = [info.outputPath("page.png"), info.outputPath("studio.png")];
  const args = ["--url", backend.url, "--voter", "12345678", "--answer", "anna", "--question", "vote"];
  const { code, out, err } = await cast(...args, "--screenshot", shot, "--studio", studio);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("Your vote has been received.");
  expect(backend.votes).toEqual([{ voter: "12345678", answer: "anna", question: "vote" }]);
  for (const file of [shot, studio]) {
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file).subarray(1, 4).toString()).toBe("PNG");
  }
});

test("cast.mjs says why a vote was not accepted", async ({ backend }) => {
  backend.onVote = () => ({ status: 422, body: { error: "voter" } });
  const refused = await cast("--url", backend.url, "--voter", "12345678", "--answer", "anna");
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("the vote was not accepted: ");
  expect(refused.err).toContain("This code is not valid here.");
  expect(refused.err).toContain("/intake: 422");
  const unknown = await cast("--url", backend.url, "--voter", "12345678", "--answer", "zoe", "--timeout", "3");
  expect(unknown.code).toBe(1);
  expect(unknown.err).toContain("zoe");
  const usage = await cast("--url", backend.url);
  expect(usage.code).toBe(1);
  expect(usage.err).toContain("usage: node cast.mjs");
});
