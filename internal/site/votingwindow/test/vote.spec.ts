import { expect, identify, test, thanks, vote } from "./fixture.ts";

test("a vote by function URL", async ({ page, backend }) => {
  await page.goto(backend.url);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The Final");
  await expect(page.getByTestId("countdown")).toHaveText(/^8:\d\d|9:00$/);
  await identify(page);
  await vote(page);
  await expect(page.getByText(thanks)).toBeVisible();
  expect(backend.votes).toEqual([{ voter: "12345678", answer: "bruno", question: "vote" }]);
});
