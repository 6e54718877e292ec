import { advance, button, enter, expect, heading, link, settle, signIn, stopClocks, test } from "./fixture.ts";

const now = Date.parse("2027-05-22T18:15:00Z");

test("an API that is away is asked again, ever more seldom", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  await enter(page, backend);
  backend.gateway = () => 503;
  await link(page, "Runs").click();
  await expect(page.getByRole("alert")).toHaveText("That did not work this time.");
  await advance(page, backend, 120_000);
  expect(backend.count("Runs")).toBeGreaterThanOrEqual(5);
  expect(backend.count("Runs")).toBeLessThanOrEqual(12);
  backend.gateway = () => undefined;
  await button(page, "Try again").click();
  await expect(link(page, "run-2")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("an API that refuses is not asked again", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  await enter(page, backend);
  for (const [view, name, field] of [
    ["runs", "Runs", "runs"],
    ["runs?after=none", "Runs", "runs"],
    ["run/run-2", "Run", "run"],
    ["bookings", "Bookings", "bookings"],
    ["segments", "Segments", "segments"],
  ] as const) {
    backend.wrong.set(field, { code: "FORBIDDEN", message: "Not for you." });
    await page.goto("about:blank");
    await page.goto(`${backend.url}#/${view}`);
    await expect(page.getByText("You may not do this.")).toBeVisible();
    const asked = backend.count(name);
    await advance(page, backend, 60_000);
    expect([view, backend.count(name) - asked]).toEqual([view, 0]);
  }
});

test("a connection that breaks says so", async ({ page, backend }) => {
  await enter(page, backend);
  backend.gateway = () => 0;
  await link(page, "Fitzroy").click();
  await expect(page.getByRole("alert")).toContainText("The API did not answer.");
  backend.gateway = () => undefined;
  await expect(heading(page, "Fitzroy")).toBeVisible();
});

test("offline, and back", async ({ page, context, backend }) => {
  await enter(page, backend);
  await context.setOffline(true);
  await expect(page.getByText("You are offline. What you see may be old.")).toBeVisible();
  await link(page, "Carlton").click();
  await expect(page.getByRole("alert")).toContainText("The API did not answer.");
  await page.goBack();
  await expect(page.getByText("57 segments")).toBeVisible();
  await page.goForward();
  await context.setOffline(false);
  await expect(heading(page, "Carlton")).toBeVisible();
  await expect(page.getByText("You are offline. What you see may be old.")).toHaveCount(0);
});

test("a field that fails leaves the others", async ({ page, backend }) => {
  backend.wrong.set("metrics", { code: "UNAVAILABLE", message: "That did not work. Try again in a moment." });
  await enter(page, backend, "#/segment/s0");
  await expect(page.getByText("Some of this could not be read.")).toBeVisible();
  await expect(page.getByText("4,200", { exact: true })).toBeVisible();
  await expect(page.getByText("The figures of this segment are gone.")).toHaveCount(0);
  backend.wrong.clear();
  backend.wrong.set("manifest", { code: "UNAVAILABLE", message: "That did not work. Try again in a moment." });
  await link(page, "Segments").click();
  await expect(page.getByText("Some of this could not be read.")).toBeVisible();
  await expect(page.getByText("57 segments")).toBeVisible();
});

for (const [code, text] of [
  ["NOT_FOUND", "There is no such run, or it is forgotten."],
  ["BAD_INPUT", "The API did not understand this."],
  ["LIMIT", "That is too much at once."],
  ["FORBIDDEN", "You may not do this."],
  ["UNAVAILABLE", "That did not work this time."],
] as const) {
  test(`${code} in plain words`, async ({ page, backend }) => {
    backend.wrong.set("run", { code, message: "In the API's own words." });
    await signIn(page, backend, "#/run/run-2");
    await expect(heading(page, "That did not work")).toBeFocused();
    await expect(page.getByRole("alert")).toContainText(text);
    const own = ["BAD_INPUT", "LIMIT", "FORBIDDEN"].includes(code);
    await expect(page.getByText("In the API's own words.")).toHaveCount(own ? 1 : 0);
    await expect(button(page, "Try again")).toHaveCount(code === "UNAVAILABLE" || code === "LIMIT" ? 1 : 0);
  });
}

test("something else than the API answers", async ({ page, backend }) => {
  await enter(page, backend);
  await page.route("**/graphql", (route) => route.fulfill({ status: 200, contentType: "text/html", body: "<p>Hello" }));
  await link(page, "Runs").click();
  await expect(page.getByRole("alert")).toHaveText("That did not work this time.");
});

test("a page that cannot be loaded tries again", async ({ page, backend }) => {
  backend.broken.set("/pipeline.json", 500);
  await page.goto(backend.url);
  await expect(page.getByText("This page could not be loaded. Trying again…")).toBeVisible();
  backend.broken.clear();
  await expect(page.getByLabel("API key")).toBeVisible();
});

test("an answer that is slow shows nowhere else", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  await enter(page, backend);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("query Segment(")) await held;
    await route.continue();
  });
  await link(page, "Fitzroy").click();
  await expect(page.getByText("Loading…")).toBeVisible();
  await link(page, "Runs").click();
  await expect(link(page, "run-2")).toBeVisible();
  release();
  await settle(page);
  await expect(heading(page, "Runs")).toBeVisible();
  await expect(heading(page, "Fitzroy")).toHaveCount(0);
});
