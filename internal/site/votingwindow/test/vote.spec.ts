import { jwt } from "../../shared/issuer.ts";
import {
  advance,
  expect,
  identify,
  minute,
  resultsOf,
  secondQuestion,
  settle,
  stopClocks,
  test,
  thanks,
  vote,
} from "./fixture.ts";

const one = { voter: "12345678", answer: "bruno", question: "vote" };

test("a vote by function URL", async ({ page, backend }) => {
  await page.goto(backend.url);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The Final");
  await expect(page.getByTestId("countdown")).toHaveText(/^(8:\d\d|9:00)$/);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
  // Neither the address nor what stays on the device tells who voted.
  expect(page.url()).toBe(backend.url);
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(stored).toContain("votes:/:tv-final");
  expect(stored).not.toContain("12345678");
  expect(stored).not.toContain("bruno");
});

test("a vote by API without sign-in", async ({ page, backend }) => {
  backend.window.intake = { kind: "api", url: `${backend.api}/intake` };
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
  expect(backend.preflights("/intake")).toBe(0);
});

test("a vote straight to SQS, from a page that is no secure context", async ({ page, backend }) => {
  backend.window.intake = { kind: "direct", credentials: "credentials.json" };
  await page.goto(`http://plain.test:${backend.port}/`);
  expect(await page.evaluate(() => isSecureContext)).toBe(false);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
  expect(backend.count("/credentials.json")).toBe(1);
});

test("a vote straight to SQS as a guest of Cognito", async ({ page, backend }) => {
  backend.window.intake = {
    kind: "direct",
    cognito: { identity_pool_id: "eu-central-1:pool", region: "eu-central-1", endpoint: `${backend.api}/cognito` },
    queue_url: "",
    region: "eu-central-1",
  };
  // SQS is called at the queue's own host.
  backend.window.intake.queue_url = `${backend.api}/123456789012/votes`;
  backend.sqsAtRoot = true;
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
  expect(backend.count("/cognito")).toBe(2);
  // The identity is kept, since GetId is the scarcer call.
  await page.reload();
  await identify(page, "87654321");
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.count("/cognito")).toBe(3);
});

test("a vote with a token in the fragment", async ({ page, backend }) => {
  backend.window.intake = { kind: "api", url: `${backend.api}/intake`, jwt: { issuer: "https://example.test" } };
  backend.issuer.tokens = { access_token: jwt({ sub: "alice" }) };
  await page.goto(`${backend.url}#token=${backend.issuer.tokens.access_token}`);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([{ answer: "bruno", question: "vote" }]);
  expect(backend.preflights("/intake")).toBe(1);
  expect(page.url()).toBe(backend.url);
  // Loaded again, the tab still knows the token, and that it has voted.
  await page.reload();
  await expect(page.getByText("This code has already voted on this device.")).toBeVisible();
});

test("a page that needs a token and has none", async ({ page, backend }) => {
  backend.window.intake = { kind: "api", url: `${backend.api}/intake`, jwt: { issuer: "https://example.test" } };
  await page.goto(backend.url);
  await expect(page.getByText("Open this page by the personal link that you were given.")).toBeVisible();
  await expect(page.getByRole("textbox")).toHaveCount(0);
});

test("a sign-in with PKCE", async ({ page, backend }) => {
  backend.window.intake = {
    kind: "api",
    url: `${backend.api}/intake`,
    jwt: { issuer: `${backend.api}/oidc`, client_id: "client", scope: "openid email" },
  };
  await page.goto(backend.url);
  await page.getByRole("button", { name: "Sign in" }).click();
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  // The ID token, since the access token is opaque.
  expect(backend.votes).toEqual([{ answer: "bruno", question: "vote" }]);
  expect(page.url()).toBe(backend.url);
});

test("a sign-in that nobody began here", async ({ page, backend }) => {
  backend.window.intake = {
    kind: "api",
    url: `${backend.api}/intake`,
    jwt: { issuer: `${backend.api}/oidc`, client_id: "client" },
  };
  await page.goto(`${backend.url}?code=stolen&state=other`);
  await expect(page.getByText("Signing in did not work. Please try again.")).toBeVisible();
  expect(backend.count("/oidc/token")).toBe(0);
});

test("a sign-in that has ended", async ({ page, backend }) => {
  backend.window.intake = { kind: "api", url: `${backend.api}/intake`, jwt: { issuer: "https://example.test" } };
  await page.goto(`${backend.url}#token=${jwt({ sub: "alice", exp: 1 })}`);
  await expect(page.getByText("Your sign-in has ended. Sign in again to vote.")).toBeVisible();
  // One that only the API knows to be over.
  await page.goto("about:blank");
  await page.goto(`${backend.url}#token=${jwt({ sub: "alice" })}`);
  await vote(page);
  await expect(page.getByText("Your sign-in has ended. Sign in again to vote.")).toBeVisible();
  expect(backend.votes).toEqual([]);
});

test("an identifier that does not match is not sent", async ({ page, backend }) => {
  await page.goto(backend.url);
  await identify(page, "");
  await expect(page.getByRole("alert")).toHaveText("Please fill in this field.");
  await identify(page, "1234567x");
  await expect(page.getByRole("alert")).toHaveText("This does not look right. Please check it.");
  await expect(page.getByRole("textbox")).toBeFocused();
  expect(backend.tried).toBe(0);
});

test("an identifier that intake refuses", async ({ page, backend }) => {
  backend.onVote = (v) => (v.voter === "00000000" ? { status: 422, body: { error: "voter" } } : undefined);
  await page.goto(backend.url);
  await identify(page, "00000000");
  await vote(page);
  await expect(page.getByRole("alert")).toHaveText("This code is not valid here. Please check it.");
  await expect(page.getByRole("textbox")).toHaveValue("00000000");
  // The choice is kept.
  await identify(page);
  await expect(page.getByRole("radio", { name: "Bruno" })).toBeChecked();
  await page.getByRole("button", { name: "Vote", exact: true }).click();
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
});

test("a ballot without a choice", async ({ page, backend }) => {
  await page.goto(backend.url);
  await identify(page);
  await page.getByRole("button", { name: "Vote", exact: true }).click();
  await expect(page.getByRole("alert")).toHaveText("Please choose an answer.");
  expect(backend.tried).toBe(0);
});

test("a ballot that has changed", async ({ page, backend }) => {
  backend.onVote = (_, nth) => (nth === 0 ? { status: 422, body: { error: "answer" } } : undefined);
  await page.goto(backend.url);
  await identify(page);
  await page.getByRole("radio", { name: "Bruno" }).check();
  backend.window.questions = [
    {
      id: "vote",
      text: "Who wins the final?",
      answers: [
        { id: "dora", label: "Dora" },
        { id: "bruno", label: "Bruno" },
      ],
    },
  ];
  await page.getByRole("button", { name: "Vote", exact: true }).click();
  await expect(page.getByText("This vote has been changed meanwhile.")).toBeVisible();
  await vote(page, "Dora");
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([{ ...one, answer: "dora" }]);
});

test("a ticket, typed or from the address", async ({ page, backend }) => {
  backend.window.voter.ticket = true;
  backend.onVote = (v) => (v.ticket === "good" ? undefined : { status: 422, body: { error: "ticket" } });
  await page.goto(backend.url);
  await page.getByRole("textbox", { name: "Your ticket" }).fill("bad");
  await identify(page);
  await vote(page);
  await expect(page.getByRole("alert")).toHaveText(/^This ticket does not fit/);
  await page.goto("about:blank");
  await page.goto(`${backend.url}#ticket=good`);
  expect(page.url()).toBe(backend.url);
  await expect(page.getByRole("textbox", { name: "Your ticket" })).toHaveCount(0);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([{ ...one, ticket: "good" }]);
});

test("a second vote on one device", async ({ page, backend }) => {
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText("A vote cannot be changed.")).toBeVisible();
  await page.getByRole("button", { name: "Vote with another code" }).click();
  await identify(page);
  await expect(page.getByText("This code has already voted on this device.")).toBeVisible();
  await expect(page.getByRole("radio")).toHaveCount(0);
  await page.reload();
  await identify(page);
  await expect(page.getByText("This code has already voted on this device.")).toBeVisible();
  await page.getByRole("button", { name: "Vote with another code" }).click();
  await identify(page, "11111111");
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes.map((v) => v.voter)).toEqual(["12345678", "11111111"]);
});

test("a vote is replaced", async ({ page, backend }) => {
  backend.window.revote = "replace";
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await page.getByRole("button", { name: "Change your vote" }).click();
  await vote(page, "Clara Vega");
  await expect(page.getByText(thanks)).toBeVisible();
  // Another day at the same device.
  await page.reload();
  await identify(page);
  await expect(page.getByText("This code has already voted on this device.")).toBeVisible();
  await expect(page.getByText("You can change the vote until voting closes.")).toBeVisible();
  await vote(page, "Anna");
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes.map((v) => v.answer)).toEqual(["bruno", "clara", "anna"]);
});

test("several votes for one voter", async ({ page, backend }) => {
  backend.window.votes_per_voter = 3;
  await page.goto(backend.url);
  await identify(page);
  for (const left of ["3 votes left", "2 votes left", "1 vote left"]) {
    await expect(page.getByText(left)).toBeVisible();
    await vote(page);
    await expect(page.getByText(thanks)).toBeVisible();
    const again = page.getByRole("button", { name: "Vote again" });
    if (left === "1 vote left") await expect(again).toHaveCount(0);
    else await again.click();
  }
  expect(backend.votes).toEqual([one, one, one]);
});

test("several questions", async ({ page, backend }) => {
  backend.window.questions.push(secondQuestion);
  backend.results = resultsOf(backend.window, "open", { vote: { anna: 5 }, outfit: { gold: 1 } });
  await page.goto(backend.url);
  await identify(page);
  await expect(page.getByText("Question 2 of 2")).toBeVisible();
  await page.getByRole("radio", { name: "Bruno" }).check();
  await page.getByRole("button", { name: "Send votes" }).click();
  await expect(page.getByText(thanks)).toBeVisible();
  await expect(page.getByRole("table", { name: "Which outfit was best?" })).toHaveCount(1);
  await page.getByRole("button", { name: "Answer the other questions" }).click();
  // Only what is left.
  await expect(page.getByRole("radio")).toHaveCount(2);
  await vote(page, "Gold");
  await expect(page.getByText("A vote cannot be changed.")).toBeVisible();
  expect(backend.votes).toEqual([one, { ...one, answer: "gold", question: "outfit" }]);
});

test("two tabs", async ({ page, context, backend }) => {
  await page.goto(backend.url);
  await identify(page);
  await page.getByRole("radio", { name: "Bruno" }).check();
  const other = await context.newPage();
  await other.goto(backend.url);
  await identify(other);
  await vote(other);
  await expect(other.getByText(thanks)).toBeVisible();
  await expect(page.getByText("This code has just voted in another tab.")).toBeVisible();
  await expect(page.getByRole("radio")).toHaveCount(0);
  expect(backend.votes).toEqual([one]);
});

test("a vote that comes too late", async ({ page, backend }) => {
  // Another clock than the page's: an operator closed the window this moment.
  backend.onVote = () => ({ status: 403, body: { error: "closed" } });
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText("Voting closed before your vote arrived. It was not counted.")).toBeVisible();
});

test("a vote that intake took as late", async ({ page, backend }) => {
  backend.onVote = () => ({ status: 202, body: { id: "1", late: true } });
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText("Your vote arrived after voting closed and will not count.")).toBeVisible();
});

test("a vote that makes no sense to intake", async ({ page, backend }) => {
  backend.onVote = () => ({ status: 400, body: { error: "malformed" } });
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await expect(page.getByText("Your vote was not accepted. Reload the page and try again.")).toBeVisible();
  expect(backend.tried).toBe(1);
});

test("a rehearsal is for those who opened it", async ({ page, context, backend }) => {
  const opens = Date.now() + 60 * minute;
  backend.window.opens_at = new Date(opens).toISOString();
  backend.window.closes_at = new Date(opens + 10 * minute).toISOString();
  backend.results = resultsOf(backend.window, "rehearsal", { vote: { anna: 1 } });
  const crowd = await context.newPage();
  await crowd.goto(backend.url);
  await expect(crowd.getByTestId("opening")).toBeVisible();
  await page.goto(`${backend.url}#rehearsal`);
  await expect(page.getByText("Rehearsal: votes do not count.")).toBeVisible();
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([{ ...one, rehearsal: true }]);
  // It leaves no mark for the real vote.
  await page.reload();
  await identify(page);
  await expect(page.getByRole("radio")).toHaveCount(3);
});

test("a vote that intake finds early by a moment", async ({ page, backend }) => {
  await stopClocks(page, backend, Date.parse(backend.window.opens_at) + 1_000);
  backend.onVote = (_, nth) =>
    nth === 0
      ? { status: 403, body: { error: "not_open", opens_at: new Date(backend.now() + 800).toISOString() } }
      : undefined;
  await page.goto(backend.url);
  await identify(page);
  await vote(page);
  await settle(page);
  await advance(page, backend, 5_000);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([one]);
});
