import { jwt } from "../../shared/issuer.ts";
import {
  advance,
  at,
  button,
  expect,
  heading,
  listen,
  minute,
  opening,
  settle,
  show,
  stopClocks,
  test,
} from "./fixture.ts";

test("the whole way: before the opening, join, wait, turn, claim, purchase", async ({ page, context, backend }) => {
  const notes = await listen(page);
  backend.pace = 10;
  backend.behind = 1_200;
  backend.near = 300;
  await at(page, backend, -5_000);
  await expect(page.getByTestId("opening")).toHaveText(/00Hours00Minutes0[45]Seconds/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The Hurricanes, live");
  await button(page, "Join when it opens").click();
  await expect(heading(page, "You are all set")).toBeFocused();
  await advance(page, backend, 4_000);
  expect(backend.count("/join")).toBe(0);
  // The joins of all who waited are spread over five seconds.
  await advance(page, backend, 7_000);
  expect(backend.joins).toHaveLength(1);
  await advance(page, backend, 8_000);
  await expect(heading(page, "You are in the line")).toBeVisible();
  await expect(page.getByTestId("ahead")).toHaveText(/^1,[012]\d\d people are ahead of you$/);
  await expect(page.getByTestId("wait")).toHaveText("about 2 minutes");
  await expect(page).toHaveTitle(/^\(1,[012]\d\d\) The Hurricanes, live$/);
  await expect(page.getByText("You can leave this tab, but keep it open.")).toBeVisible();
  // Near the front a page that is closed is taken for a fan who left.
  await expect(page.getByText("You keep your place if this page closes.")).toHaveCount(0);
  await advance(page, backend, minute);
  const bar = page.getByRole("progressbar", { name: "How far you have come" });
  expect(Number(await bar.getAttribute("aria-valuenow"))).toBeGreaterThan(25);
  expect(await notes()).toBe(0);
  await advance(page, backend, 70_000);
  await expect(heading(page, "It is your turn!")).toBeFocused();
  expect(await notes()).toBeGreaterThanOrEqual(3);
  await expect(page.getByTestId("left")).toHaveText(/Time left to take it(1:[0-5]\d|2:00)/);
  const titles = [await page.title()];
  await advance(page, backend, 1_000);
  titles.push(await page.title());
  expect(titles.sort()).toEqual(["The Hurricanes, live", "● It is your turn!"]);

  await button(page, "Take your turn").click();
  await expect(heading(page, "Your tickets are waiting")).toBeFocused();
  await expect(page.getByTestId("left")).toHaveText(/Time left to buy(4:5\d|5:00)/);
  const link = page.getByRole("link", { name: "Go to the tickets" });
  await expect(link).toHaveAttribute("href", `${backend.api}/tickets?token=pass-of-${backend.fan.id}`);
  const opened = context.waitForEvent("page");
  await link.click();
  await expect(await opened).toHaveTitle("Tickets");
  await (await opened).close();

  backend.fan.state = "purchased";
  await page.bringToFront();
  await advance(page, backend, 70_000);
  await expect(heading(page, "Thank you!")).toBeVisible();
  const asked = backend.seen.length;
  await advance(page, backend, 5 * minute, 15_000);
  expect(backend.seen.length).toBe(asked);
  expect(backend.joins).toHaveLength(1);
});

test("a tab that nobody looks at says again and again that it is the fan's turn", async ({ page, backend }) => {
  const notes = await listen(page);
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await show(page, false);
  backend.callUpTo(101);
  await advance(page, backend, 30_000);
  const heard = await notes();
  const titles = new Set<string>();
  for (let second = 0; second < 12; second++) {
    await advance(page, backend, 1_000);
    titles.add(await page.title());
  }
  expect([...titles].sort()).toEqual(["The Hurricanes, live", "● It is your turn!"]);
  expect((await notes()) - heard).toBe(6);
});

test("the draw of those who came before the opening", async ({ page, backend }) => {
  backend.drawFrom = opening - 30 * minute;
  backend.behind = 40;
  await at(page, backend, -31 * minute);
  await expect(page.getByTestId("opening")).toHaveText(/You can join in00Hours01Minutes00Seconds/);
  await advance(page, backend, 61_000);
  await expect(page.getByText("It does not matter how early you come.")).toBeVisible();
  await expect(page.getByTestId("opening")).toHaveText(/The sale opens in00Hours2\dMinutes/);
  await button(page, "Join the draw").click();
  await advance(page, backend, 6_000);
  await expect(heading(page, "You are in the draw")).toBeVisible();
  // Nobody has a place yet, so that nobody asks for one.
  await advance(page, backend, 30 * minute, 15_000);
  expect(backend.turns).toEqual([]);
  await expect(heading(page, "The places are being drawn")).toBeVisible();
  backend.drawn = 4_000;
  backend.callUpTo(1, "draw");
  await advance(page, backend, 20_000);
  await expect(page.getByTestId("ahead")).toHaveText("39 people are ahead of you");
  backend.callUpTo(40, "draw");
  await advance(page, backend, 20_000);
  await expect(page.getByText("It is your turn in a moment.")).toBeVisible();
  backend.callUpTo(41, "draw");
  await advance(page, backend, 20_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
});

test("a hundred thousand who were drawn ask for their places one after another, though the sale is paused", async ({
  page,
  backend,
}) => {
  backend.drawFrom = opening - 30 * minute;
  await at(page, backend, -minute);
  await button(page, "Join the draw").click();
  await advance(page, backend, 2 * minute);
  await expect(heading(page, "The places are being drawn")).toBeVisible();
  backend.drawn = 100_000;
  backend.paused = true;
  // Chance is a half: after a half of the fifty seconds that they take.
  await advance(page, backend, 25_000);
  expect(backend.turns).toEqual([]);
  await advance(page, backend, 20_000);
  expect(backend.turns.length).toBe(1);
});

test("who comes after the opening waits for what is left of the draw", async ({ page, backend }) => {
  backend.drawFrom = opening - 30 * minute;
  backend.drawn = 4_000;
  backend.callUpTo(1_000, "draw");
  backend.gaps = [
    ["draw", 2_000, 100],
    ["queue", 500, 10],
  ];
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  backend.behind = 0;
  await settle(page);
  await advance(page, backend, 10_000);
  backend.fan.place = 1_001;
  await page.reload();
  await settle(page);
  await advance(page, backend, 10_000);
  // 3,000 of the draw and 1,000 of the queue, less the gaps.
  await expect(page.getByTestId("ahead")).toHaveText(/people are ahead of you/);
});

test("a turn that was not taken, and another one", async ({ page, backend }) => {
  backend.behind = 0;
  await at(page, backend, minute);
  backend.callUpTo(10);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(11);
  await advance(page, backend, 10_000);
  await expect(heading(page, "It is your turn!")).toBeVisible();
  await advance(page, backend, 130_000);
  await expect(heading(page, "Your turn has passed")).toBeFocused();
  await button(page, "Join again at the end").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await expect(heading(page, "You are next")).toBeVisible();
  expect(backend.joins.map((j) => j.attempt)).toEqual([0, 1]);
  expect(backend.joins[0]?.nonce).toBe(backend.joins[1]?.nonce);
  expect(backend.fan.place).toBe(12);
});

test("a window that runs out, and is renewed before", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(101);
  await advance(page, backend, 10_000);
  await button(page, "Take your turn").click();
  await settle(page);
  await advance(page, backend, 4 * minute);
  await expect(page.getByText("You can do this 2 more times.")).toBeVisible();
  await button(page, "I need more time").click();
  await expect(page.getByText("You can do this 1 more time.")).toBeVisible();
  await expect(page.getByTestId("left")).toHaveText(/Time left to buy(4:5\d|5:00)/);
  await button(page, "I need more time").click();
  await expect(button(page, "I need more time")).toHaveCount(0);
  await advance(page, backend, 5 * minute + 10_000);
  await expect(heading(page, "Your turn has passed")).toBeVisible();
});

test("a turn that was claimed too late", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(101);
  await advance(page, backend, 10_000);
  backend.fan.state = "expired";
  await button(page, "Take your turn").click();
  await expect(heading(page, "Your turn has passed")).toBeVisible();
});

test("leaving has to be confirmed", async ({ page, backend }) => {
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await button(page, "Leave the line").click();
  await expect(page.getByText("Do you really want to give up your place?")).toBeVisible();
  await expect(button(page, "Stay")).toBeFocused();
  // The focus stays where the visitor takes it, whatever moves on the page.
  await page.keyboard.press("Tab");
  await advance(page, backend, 3_000);
  await expect(button(page, "Give it up")).toBeFocused();
  await button(page, "Stay").click();
  await expect(button(page, "Leave the line")).toBeFocused();
  expect(backend.fan.state).toBe("waiting");
  await button(page, "Leave the line").click();
  await button(page, "Give it up").click();
  await expect(heading(page, "You have left the line")).toBeVisible();
  expect(backend.fan.state).toBe("left");
  await button(page, "Join again at the end").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await expect(heading(page, "You are in the line")).toBeVisible();
});

test("a fan who was passed over", async ({ page, backend }) => {
  backend.near = 200;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  backend.fan.state = "ghost";
  await advance(page, backend, 20_000);
  await expect(heading(page, "You were passed over")).toBeVisible();
});

test("who does not want to join after all", async ({ page, backend }) => {
  await at(page, backend, -minute);
  await button(page, "Join when it opens").click();
  await button(page, "Do not join").click();
  await advance(page, backend, minute + 10_000);
  expect(backend.joins).toEqual([]);
  await expect(heading(page, "Join the line")).toBeVisible();
});

test("paused, and on again", async ({ page, backend }) => {
  backend.pace = 1;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  backend.paused = true;
  await advance(page, backend, minute);
  await expect(page.getByText("The sale is paused. You keep your place.")).toBeVisible();
  await expect(page.getByTestId("wait")).toHaveText("not known yet");
  backend.paused = false;
  await advance(page, backend, 70_000);
  await expect(page.getByText("The sale is paused. You keep your place.")).toHaveCount(0);
});

test("closed while a fan waits", async ({ page, backend }) => {
  backend.closesAt = opening + 5 * minute;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 4 * minute + 10_000);
  await expect(heading(page, "The sale is closed")).toBeVisible();
  await advance(page, backend, 40_000);
  const asked = backend.seen.length;
  await advance(page, backend, 10 * minute, 15_000);
  expect(backend.seen.length).toBe(asked);
});

test("the closing is put off in the last minute", async ({ page, backend }) => {
  backend.closesAt = opening + 5 * minute;
  backend.pace = 0.1;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 3 * minute + 30_000);
  backend.closesAt += 60 * minute;
  await advance(page, backend, 2 * minute);
  await expect(heading(page, "You are in the line")).toBeVisible();
});

test("closed, but a window is still open", async ({ page, backend }) => {
  backend.closesAt = opening + 2 * minute;
  await at(page, backend, minute);
  await button(page, "Join the line").click();
  await settle(page);
  backend.callUpTo(101);
  await advance(page, backend, 10_000);
  await button(page, "Take your turn").click();
  await settle(page);
  await advance(page, backend, 2 * minute);
  await expect(page.getByRole("link", { name: "Go to the tickets" })).toBeVisible();
});

test("a page opened after the close", async ({ page, backend }) => {
  backend.closesAt = opening + 2 * minute;
  await at(page, backend, 3 * minute);
  await expect(heading(page, "The sale is closed")).toBeVisible();
  await expect(page.getByRole("button")).toHaveCount(0);
});

test("join codes: missing, wrong, good, and used elsewhere", async ({ page, browser, backend }) => {
  backend.sale.codes = true;
  backend.codes.add("SUMMER-1");
  await page.goto(backend.url);
  await button(page, "Join the line").click();
  await expect(page.getByRole("alert")).toHaveText("Please fill in this field.");
  await page.getByRole("textbox", { name: "Your code" }).fill("WINTER-1");
  await button(page, "Join the line").click();
  await expect(page.getByRole("alert")).toHaveText("This code is not valid here. Please check it.");
  await expect(page.getByRole("textbox")).toBeFocused();
  await expect(page.getByRole("textbox")).toHaveValue("WINTER-1");
  expect(backend.fans.size).toBe(0);
  await page.getByRole("textbox").fill(" SUMMER-1 ");
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  const place = backend.fan.place;

  // The same code on another device is the same fan.
  const context = await browser.newContext({ locale: "en-GB" });
  const other = await context.newPage();
  await other.goto(`${backend.url}#code=SUMMER-1`);
  expect(other.url()).toBe(backend.url);
  await expect(other.getByRole("textbox")).toHaveValue("SUMMER-1");
  await button(other, "Join the line").click();
  await expect(other.getByTestId("ahead")).toBeVisible();
  expect(backend.fan.place).toBe(place);
  await context.close();

  // One that was used up says so.
  backend.fan.state = "purchased";
  const third = await browser.newContext({ locale: "en-GB" });
  const late = await third.newPage();
  await late.goto(`${backend.url}#code=SUMMER-1`);
  await button(late, "Join the line").click();
  await expect(heading(late, "Thank you!")).toBeVisible();
  await third.close();
});

test("a token in the fragment", async ({ page, backend }) => {
  backend.sale.jwt = { issuer: "https://example.test" };
  const token = jwt({ sub: "alice" });
  backend.issuer.tokens = { id_token: token };
  await page.goto(backend.url);
  await expect(page.getByText("Open this page by the personal link that you were given.")).toBeVisible();
  await page.goto("about:blank");
  await page.goto(`${backend.url}#token=${token}`);
  expect(page.url()).toBe(backend.url);
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
  expect(backend.joins[0]?.jwt).toBe(token);
});

test("a token that is good, by the server's clock", async ({ page, backend }) => {
  backend.sale.jwt = { issuer: "https://example.test" };
  const token = jwt({ sub: "alice", exp: (opening + 30 * minute) / 1000 });
  backend.issuer.tokens = { id_token: token };
  backend.opensAt = opening;
  await stopClocks(page, backend, opening + minute, 60 * minute);
  await page.goto(`${backend.url}#token=${token}`);
  await settle(page);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
});

test("a ticket that is lost after a reload is asked for anew by the token", async ({ page, backend }) => {
  backend.sale.jwt = { issuer: "https://example.test" };
  const token = jwt({ sub: "alice" });
  backend.issuer.tokens = { id_token: token };
  backend.opensAt = opening;
  await stopClocks(page, backend, opening + minute);
  await page.goto(`${backend.url}#token=${token}`);
  await settle(page);
  await button(page, "Join the line").click();
  await settle(page);
  await page.reload();
  backend.key = "another";
  await advance(page, backend, 30_000);
  await expect(page.getByTestId("ahead")).toBeVisible();
  expect(backend.joins.map((j) => j.jwt)).toEqual([token, token]);
});

test("a sign-in, and one that join refuses", async ({ page, backend }) => {
  backend.sale.jwt = { issuer: `${backend.api}/oidc`, client_id: "client" };
  await page.goto(backend.url);
  await button(page, "Sign in").click();
  await expect(button(page, "Join the line")).toBeVisible();
  expect(page.url()).toBe(backend.url);
  backend.issuer.tokens = { id_token: "another" };
  await button(page, "Join the line").click();
  await expect(page.getByText("Your sign-in has ended. Sign in again to join.")).toBeVisible();
  await button(page, "Sign in").click();
  await button(page, "Join the line").click();
  await expect(page.getByTestId("ahead")).toBeVisible();
});
