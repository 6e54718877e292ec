import { goodKey } from "./backend.ts";
import { advance, button, enter, expect, heading, link, minute, stopClocks, test } from "./fixture.ts";

const now = Date.parse("2027-05-22T18:15:00Z");

test.describe("by key", () => {
  test("the tab alone keeps it, until the visitor signs out", async ({ page, backend, context }) => {
    await enter(page, backend);
    const storage = await page.evaluate(() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]);
    expect(storage[0]).not.toContain(goodKey);
    expect(storage[1]).toContain(goodKey);
    await page.reload();
    await expect(page.getByText("Signed in as partner")).toBeVisible();
    const other = await context.newPage();
    await other.goto(backend.url);
    await expect(other.getByLabel("API key")).toBeVisible();
    await button(page, "Sign out").click();
    await expect(heading(page, "Sign in")).toBeFocused();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(goodKey);
    await page.reload();
    await expect(page.getByLabel("API key")).toBeVisible();
  });

  test("none, and one that the API does not take", async ({ page, backend }) => {
    await page.goto(`${backend.url}#/runs`);
    await button(page, "Sign in").click();
    await expect(page.getByRole("alert")).toHaveText("Please fill in this field.");
    await expect(page.getByLabel("API key")).toBeFocused();
    expect(backend.asked).toEqual([]);
    await page.getByLabel("API key").fill("of somebody else's API");
    await page.getByLabel("API key").press("Enter");
    await expect(page.getByRole("alert")).toHaveText("The API does not take this key.");
    await page.getByLabel("API key").fill(goodKey);
    await button(page, "Sign in").click();
    // Where the link led, the sign-in leads too.
    await expect(heading(page, "Runs")).toBeFocused();
  });

  test("one that is refused so that a page cannot read it", async ({ page, backend }) => {
    backend.refusesReadably = false;
    await page.goto(backend.url);
    await page.getByLabel("API key").fill("of somebody else's API");
    await button(page, "Sign in").click();
    await expect(page.getByRole("alert")).toContainText("The API did not answer.");
    await button(page, "Sign out").click();
    await page.getByLabel("API key").fill(goodKey);
    await button(page, "Sign in").click();
    await expect(page.getByText("57 segments")).toBeVisible();
  });

  test("one that is taken away meanwhile", async ({ page, backend }) => {
    await enter(page, backend);
    backend.gateway = () => 403;
    await link(page, "Fitzroy").click();
    await expect(page.getByRole("alert")).toHaveText("The API does not take this key.");
    await expect(heading(page, "Sign in")).toBeFocused();
  });
});

test.describe("by token", () => {
  test.beforeEach(({ backend }) => {
    backend.pipeline.auth = { kind: "jwt", issuer: `${backend.api}/oidc`, client_id: "client" };
  });

  test("the sign-in leads back to where the link led", async ({ page, backend }) => {
    await page.goto(`${backend.url}#/run/run-2`);
    await button(page, "Sign in").click();
    await expect(heading(page, "Run run-2")).toBeVisible();
    await expect(page.getByText("Signed in as alice")).toBeVisible();
    expect(page.url()).toBe(`${backend.url}#/run/run-2`);
    await page.reload();
    await expect(heading(page, "Run run-2")).toBeVisible();
  });

  test("a token whose time is over is not sent", async ({ page, backend }) => {
    await stopClocks(page, backend, now);
    backend.issuer.lifetime = 10 * minute;
    await page.goto(`${backend.url}#/runs`);
    await button(page, "Sign in").click();
    await expect(heading(page, "Runs")).toBeVisible();
    await advance(page, backend, 9 * minute, 30_000);
    await expect(heading(page, "Runs")).toBeVisible();
    await advance(page, backend, 2 * minute, 30_000);
    await expect(page.getByRole("alert")).toHaveText("Your sign-in has ended. Please sign in again.");
    expect(backend.seen.filter((s) => s.status === 401)).toEqual([]);
    await button(page, "Sign in").click();
    await expect(heading(page, "Runs")).toBeVisible();
  });

  test("a token that the API takes no more", async ({ page, backend }) => {
    await page.goto(backend.url);
    await button(page, "Sign in").click();
    await expect(page.getByText("57 segments")).toBeVisible();
    backend.issuer.tokens = {};
    await link(page, "Fitzroy").click();
    await expect(page.getByRole("alert")).toHaveText("Your sign-in has ended. Please sign in again.");
    await button(page, "Sign in").click();
    await expect(heading(page, "Fitzroy")).toBeVisible();
  });

  test("a token that may not be here at all stays signed in, and says so", async ({ page, backend }) => {
    backend.gateway = () => 403;
    await page.goto(backend.url);
    await button(page, "Sign in").click();
    await expect(page.getByRole("alert")).toHaveText("You may not do this.");
    await expect(button(page, "Sign out")).toBeVisible();
  });

  test("an issuer that does not answer, and a sign-in that was begun elsewhere", async ({ page, backend }) => {
    backend.broken.set("/oidc/.well-known/openid-configuration", 500);
    await page.goto(backend.url);
    await button(page, "Sign in").click();
    await expect(page.getByRole("alert")).toHaveText("Signing in did not work. Please try again.");
    backend.broken.clear();
    await page.goto(`${backend.url}?code=stolen&state=made-up`);
    await expect(page.getByRole("alert")).toHaveText("Signing in did not work. Please try again.");
    expect(page.url()).toBe(backend.url);
    await button(page, "Sign in").click();
    await expect(page.getByText("57 segments")).toBeVisible();
  });
});

test("by IAM the page says what to do instead", async ({ page, backend }) => {
  backend.pipeline.auth = { kind: "iam" };
  backend.pipeline.api = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/graphql";
  await page.goto(backend.url);
  await expect(heading(page, "This page cannot sign you in")).toBeVisible();
  const command = page.getByLabel("Command");
  await expect(command).toContainText("curl https://a1b2c3.execute-api.eu-central-1.amazonaws.com/graphql \\");
  await expect(command).toContainText("--aws-sigv4 aws:amz:eu-central-1:execute-api");
  await expect(page.getByRole("button")).toHaveCount(0);
  expect(backend.asked).toEqual([]);
});

test("the scope that is missing is named", async ({ page, backend }) => {
  await enter(page, backend, "#/segment/s0");
  await expect(heading(page, "Fitzroy")).toBeVisible();
  backend.mayWrite = false;
  await button(page, "Book").click();
  await expect(page.getByRole("alert")).toContainText("You may not do this.");
  await expect(page.getByRole("alert")).toContainText("This needs the scope bookings");
});
