import type { Page } from "@playwright/test";
import type { Snapshot, WaitingRoom } from "../client/index.ts";
import type { Backend } from "./backend.ts";
import { expect, test } from "./fixture.ts";

type Own = { room: WaitingRoom; states: Snapshot[]; result: unknown };

/** A page of one's own with the built client, and a room in it. */
async function own(page: Page, backend: Backend): Promise<void> {
  await page.goto(`${backend.url}blank`);
  await page.evaluate(
    async ({ url, api }) => {
      const { WaitingRoom } = (await import(`${url}client.js`)) as typeof import("../client/index.ts");
      const state = globalThis as unknown as Own;
      state.room = new WaitingRoom({
        sale: "arena",
        joinURL: `${api}/join`,
        turnURL: `${api}/turn`,
        status: "/status/arena.json",
        random: () => 0,
      }).start();
    },
    { url: backend.url, api: backend.api },
  );
}

test("join, position, ahead, estimate, turn, claim, renew, leave", async ({ page, backend }) => {
  backend.pace = 2;
  backend.callUpTo(0);
  await own(page, backend);
  const joined = await page.evaluate(async () => (await (globalThis as unknown as Own).room.join()).fan);
  expect(joined).toBe("joined");
  const known = await page.evaluate(async () => {
    const { room } = globalThis as unknown as Own;
    await room.turn();
    return { ...room.position(), ahead: room.ahead(), estimate: room.estimate(), now: room.now() };
  });
  expect(known.line).toBe("queue");
  expect(known.place).toBe(backend.fan.place);
  expect(known.ahead).toBeGreaterThan(90);
  expect(known.estimate?.low).toBeLessThan(known.estimate?.high ?? 0);
  expect(Math.abs(known.now - Date.now())).toBeLessThan(2_000);
  backend.callUpTo(backend.fan.place);
  const claimed = await page.evaluate(async () => {
    const { room } = globalThis as unknown as Own;
    const called = (await room.turn()).fan;
    const { fan, token, purchaseURL } = await room.claim();
    const { renewalsLeft } = await room.renew();
    return { called, fan, token, purchaseURL, renewalsLeft, left: (await room.leave()).fan };
  });
  expect(claimed).toEqual({
    called: "called",
    fan: "claimed",
    token: `pass-of-${backend.fan.id}`,
    purchaseURL: `${backend.api}/tickets?token=pass-of-${backend.fan.id}`,
    renewalsLeft: 1,
    left: "left",
  });
  const again = await page.evaluate(async () => (await (globalThis as unknown as Own).room.rejoin()).fan);
  expect(again).toBe("joined");
  expect(backend.joins.map((j) => j.attempt)).toEqual([0, 1]);
});

test("wait gives each state, and ends", async ({ page, backend }) => {
  backend.ask = { far: 1, near: 1 };
  backend.near = 1_000;
  backend.behind = 0;
  await own(page, backend);
  const states = page.evaluate(async () => {
    const { room } = globalThis as unknown as Own;
    void room.join();
    const seen: string[] = [];
    for await (const { fan } of room.wait()) {
      if (seen.at(-1) !== fan) seen.push(fan);
      if (fan === "called") await room.claim();
    }
    return seen;
  });
  await expect.poll(() => backend.fans.size).toBe(1);
  await expect.poll(() => backend.turns.length).toBeGreaterThan(0);
  backend.callUpTo(1);
  await expect.poll(() => backend.fan.state).toBe("claimed");
  backend.fan.state = "purchased";
  await page.evaluate(() => (globalThis as unknown as Own).room.turn());
  expect(await states).toEqual(["wanted", "joined", "waiting", "called", "claimed", "purchased"]);
});

test("join rejects with a reason, and close ends what waits", async ({ page, backend }) => {
  backend.sale.codes = true;
  await own(page, backend);
  const reason = await page.evaluate(() =>
    (globalThis as unknown as Own).room.join({ code: "x" }).catch((e: { reason: string }) => e.reason),
  );
  expect(reason).toBe("code");
  const ended = await page.evaluate(async () => {
    const { room } = globalThis as unknown as Own;
    const waiting = (async () => {
      for await (const _ of room.wait()) continue;
      return "ended";
    })();
    room.close();
    return waiting;
  });
  expect(ended).toBe("ended");
});

test("a status from elsewhere", async ({ page, backend }) => {
  await page.goto(`${backend.url}blank`);
  const seen = await page.evaluate(
    async ({ url, api, status }) => {
      const { WaitingRoom } = (await import(`${url}client.js`)) as typeof import("../client/index.ts");
      let read = 0;
      const room = new WaitingRoom({
        sale: "arena",
        joinURL: `${api}/join`,
        turnURL: `${api}/turn`,
        status: {
          read: async () => {
            read++;
            return status;
          },
        },
      }).start();
      for await (const { sale, opensAt } of room.wait()) if (sale !== undefined) return { sale, opensAt, read };
      return undefined;
    },
    { url: backend.url, api: backend.api, status: backend.status() },
  );
  expect(seen).toEqual({ sale: "open", opensAt: backend.opensAt, read: 1 });
});
