import { expect, test } from "@playwright/test";
import { ServerClock } from "./clock.ts";
import { clockFace, partsOf } from "./countdown.ts";
import { pickLanguage, Translator } from "./i18n.ts";
import { backoff } from "./retry.ts";
import { sign, signAddress } from "./sigv4.ts";
import { byBrowser, byScript } from "./hashing.ts";

/** A device whose clock is an hour fast, and a server at a time that is no whole second. */
function world() {
  const server = Date.parse("2027-05-22T18:15:00.700Z");
  const at = { steady: 5_000, wall: server + 3_600_000 };
  const clock = new ServerClock({ steady: () => at.steady, wall: () => at.wall });
  const pass = (ms: number) => {
    at.steady += ms;
    at.wall += ms;
  };
  /** One request: the server stamps it after out, the answer takes back. */
  const ask = (out: number, back: number, age?: number) => {
    const sent = at.steady;
    pass(out);
    const stamp = server + at.steady - 5_000;
    pass(back);
    clock.learn(
      new Date(stamp - (age ?? 0)).toUTCString(),
      age ? String(Math.floor(age / 1000)) : null,
      sent,
      at.steady,
    );
  };
  const error = () => Math.abs(clock.now() - (server + at.steady - 5_000));
  return { clock, at, pass, ask, error };
}

test("the server's clock", () => {
  const { clock, pass, ask, error } = world();
  expect(clock.synced).toBe(false);
  ask(40, 40);
  expect(error()).toBeLessThanOrEqual(580);
  // Further answers, at other parts of the second, make up for whole seconds.
  for (let i = 0; i < 12; i++) {
    pass(790);
    ask(40, 40);
  }
  expect(error()).toBeLessThanOrEqual(100);
  // A slow answer makes nothing worse.
  ask(100, 4_000);
  expect(error()).toBeLessThanOrEqual(100);
});

test("the server's clock behind a cache", () => {
  const { ask, error } = world();
  ask(20, 20, 3_700);
  expect(error()).toBeLessThanOrEqual(1_100);
});

test("the server's clock after a sleep", () => {
  const { clock, at, ask, error } = world();
  ask(40, 40);
  expect(clock.jumped()).toBe(false);
  // The wall clock went on, the steady one stood still.
  at.wall += 600_000;
  expect(clock.jumped()).toBe(true);
  const before = clock.now();
  clock.learn(new Date(before + 600_000).toUTCString(), null, at.steady, at.steady);
  expect(clock.jumped()).toBe(false);
  expect(clock.now() - before).toBeGreaterThan(599_000);
  expect(error()).toBeGreaterThan(0);
});

test("a Date header that is none teaches nothing", () => {
  const { clock } = world();
  clock.learn(null, null, 0, 1);
  clock.learn("yesterday", null, 0, 1);
  expect(clock.synced).toBe(false);
});

test("back-off", () => {
  expect([0, 1, 2, 10].map((n) => backoff(n, 1_000, 15_000, () => 0))).toEqual([500, 1_000, 2_000, 7_500]);
  expect([0, 1, 2, 10].map((n) => backoff(n, 1_000, 15_000, () => 1))).toEqual([1_000, 2_000, 4_000, 15_000]);
});

test("countdown", () => {
  expect(partsOf(93_784_001)).toEqual({ days: 1, hours: 2, minutes: 3, seconds: 5 });
  expect([-5, 0, 1, 1_000, 59_001, 600_000, 3_600_000, 93_784_000].map(clockFace)).toEqual([
    "0:00",
    "0:00",
    "0:01",
    "0:01",
    "1:00",
    "10:00",
    "1:00:00",
    "26:03:04",
  ]);
});

test("languages", () => {
  expect(pickLanguage(["pt-BR", "en"], ["en", "pt"])).toBe("pt");
  expect(pickLanguage(["nl", "de-AT"], ["en", "de"])).toBe("de");
  expect(pickLanguage(["nl"], ["fr", "de"])).toBe("fr");
  expect(pickLanguage(["EN-gb"], ["en", "en-GB"])).toBe("en-GB");
});

test("texts, plurals, numbers", () => {
  const t = new Translator(
    "fr",
    ["fr-CH", "de"],
    { own: "à {n} et {who}" },
    { votes_one: "{n} vote", votes_other: "{n} votes" },
  );
  expect(t.text("own", { n: "1" })).toBe("à 1 et {who}");
  // In French nought is singular, and a million has a form of its own that few texts need.
  expect([0, 1, 2, 1_000_000].map((n) => t.count("votes", n).replaceAll(/\s/g, " "))).toEqual([
    "0 vote",
    "1 vote",
    "2 votes",
    "1 000 000 votes",
  ]);
  expect(t.text("missing")).toBe("missing");
});

// The tests of direct votes hold each signature against AWS's own implementation.
test("a signature differs with every part of the request", async () => {
  const credentials = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token", expiresAt: 0 };
  const post = {
    url: new URL("https://sqs.eu-central-1.amazonaws.com/"),
    headers: { "x-amz-target": "a" },
    body: "{}",
  };
  const at = Date.parse("2027-05-22T18:15:00.700Z");
  const signed = await sign(post, credentials, "eu-central-1", "sqs", at, byScript);
  expect(signed["x-amz-date"]).toBe("20270522T181500Z");
  expect(signed.authorization).toContain(
    "AWS4-HMAC-SHA256 Credential=AKID/20270522/eu-central-1/sqs/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature=",
  );
  const others = await Promise.all([
    sign({ ...post, body: "{} " }, credentials, "eu-central-1", "sqs", at, byScript),
    sign(post, { ...credentials, secretAccessKey: "other" }, "eu-central-1", "sqs", at, byScript),
    sign(post, credentials, "eu-central-1", "sqs", at + 1_000, byScript),
    sign({ ...post, headers: { "x-amz-target": "b" } }, credentials, "eu-central-1", "sqs", at, byScript),
  ]);
  expect(new Set([signed, ...others].map((s) => s.authorization)).size).toBe(5);
  expect(await sign(post, credentials, "eu-central-1", "sqs", at, byBrowser)).toEqual(signed);
});

test("a signature in the address covers all that one in headers does", async () => {
  const credentials = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "to+ken/==", expiresAt: 0 };
  const post = {
    url: new URL("https://sqs.eu-central-1.amazonaws.com/"),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "Action=SendMessage",
  };
  const at = Date.parse("2027-05-22T18:15:00.700Z");
  const address = await signAddress(post, credentials, "eu-central-1", "sqs", at, byScript);
  expect(address.href).toMatch(
    /^https:\/\/sqs\.eu-central-1\.amazonaws\.com\/\?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20270522%2Feu-central-1%2Fsqs%2Faws4_request&X-Amz-Date=20270522T181500Z&X-Amz-Expires=300&X-Amz-Security-Token=to%2Bken%2F%3D%3D&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=[0-9a-f]{64}$/,
  );
  const others = await Promise.all([
    signAddress({ ...post, body: "Action=ReceiveMessage" }, credentials, "eu-central-1", "sqs", at, byScript),
    signAddress(
      { ...post, headers: { "content-type": "text/plain" } },
      credentials,
      "eu-central-1",
      "sqs",
      at,
      byScript,
    ),
    signAddress(post, { ...credentials, sessionToken: "other" }, "eu-central-1", "sqs", at, byScript),
    signAddress(post, credentials, "eu-central-1", "sqs", at + 1_000, byScript),
    sign(post, credentials, "eu-central-1", "sqs", at, byScript),
  ]);
  const signatures = others.map((s) =>
    s instanceof URL ? s.searchParams.get("X-Amz-Signature") : s.authorization?.split("Signature=")[1],
  );
  expect(new Set([address.searchParams.get("X-Amz-Signature"), ...signatures]).size).toBe(6);
});
