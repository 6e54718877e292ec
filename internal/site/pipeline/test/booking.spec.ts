import { advance, button, enter, expect, heading, link, minute, settle, stopClocks, test } from "./fixture.ts";

const now = Date.parse("2027-05-22T18:15:00Z");

test("a booking as soon as may be, to its end", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  await enter(page, backend, "#/segment/s1");
  await expect(heading(page, "Carlton")).toBeVisible();
  await button(page, "Book").click();
  await expect(heading(page, "Booking of Carlton")).toBeFocused();
  await expect(page.getByText("The segment is booked.")).toBeAttached();
  expect(new URL(page.url()).hash).toBe("#/booking/booking-1");
  const sent = backend.asked.find((a) => a.name === "Book")?.variables.input;
  expect(sent).toEqual({ segment: "s1", idempotencyKey: expect.stringMatching(/^[\w-]{22}$/) });
  await expect(page.getByText("It waits for its time.")).toBeVisible();

  const [booking] = backend.bookings;
  Object.assign(booking ?? {}, {
    status: "UPLOADING",
    generatedAt: new Date(now).toISOString(),
    items: 3906,
    bytes: 2_899_812,
    attempts: 2,
    reason: "503 Service Unavailable",
  });
  await advance(page, backend, 6_000);
  await expect(page.getByText("Its data is being sent.")).toBeVisible();
  await expect(page.getByText("2.9 MB")).toBeVisible();
  await expect(page.getByText("Reason: 503 Service Unavailable")).toBeVisible();
  await expect(button(page, "Cancel the booking")).toHaveCount(0);
  Object.assign(booking ?? {}, { status: "UPLOADED", endedAt: new Date(now).toISOString(), reason: null });
  await advance(page, backend, 6_000);
  await expect(page.getByText("The third party has it.")).toBeVisible();
  await expect(page.locator("[aria-live]")).toHaveText("Sent");
  // Nothing changes any more, and nothing is asked.
  const asked = backend.count("Booking");
  await advance(page, backend, 5 * minute);
  expect(backend.count("Booking")).toBe(asked);
});

test("a booking for a time", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  await enter(page, backend, "#/segment/s0");
  await page.getByRole("radio", { name: "At a time" }).check();
  const field = page.getByLabel("Time (Europe/Warsaw)");
  await button(page, "Book").click();
  await expect(page.getByRole("alert")).toHaveText("Please choose a day and a time.");
  await expect(field).toBeFocused();
  await field.fill("2027-05-22T19:00");
  await button(page, "Book").click();
  await expect(page.getByRole("alert")).toHaveText("This time has passed.");
  await field.fill("2028-06-01T19:00");
  await button(page, "Book").click();
  await expect(page.getByRole("alert")).toHaveText("At most a year ahead.");
  expect(backend.count("Book")).toBe(0);
  await field.fill("2027-05-23T06:15");
  await button(page, "Book").click();
  await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
  expect(backend.asked.find((a) => a.name === "Book")?.variables.input).toMatchObject({
    at: "2027-05-23T04:15:00.000Z",
  });
  await expect(page.getByText("23 May 2027, 06:15")).toBeVisible();
  // Ten hours before its time it is looked at once a minute.
  const asked = backend.count("Booking");
  await advance(page, backend, 10 * minute);
  expect(backend.count("Booking") - asked).toBeLessThanOrEqual(11);
  expect(backend.count("Booking") - asked).toBeGreaterThanOrEqual(8);
});

test("a booking whose answer is lost is made once", async ({ page, backend }) => {
  backend.gateway = (name, nth) => (name === "Book" && nth === 0 ? "lose" : undefined);
  await enter(page, backend, "#/segment/s0");
  await button(page, "Book").click();
  await expect(page.getByText("The API did not answer.")).toBeVisible();
  expect(backend.bookings).toHaveLength(1);
  await button(page, "Book").click();
  await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
  expect(backend.bookings).toHaveLength(1);
  expect(backend.count("Book")).toBe(2);
  // The next booking of the same segment is another one.
  await link(page, "See the segment").click();
  await button(page, "Book").click();
  await expect.poll(() => backend.bookings.length).toBe(2);
});

test("two clicks are one booking", async ({ page, backend }) => {
  await enter(page, backend, "#/segment/s0");
  await button(page, "Book").dblclick();
  await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
  expect(backend.count("Book")).toBe(1);
});

test("cancelled", async ({ page, backend }) => {
  backend.book("b1", "GENERATED");
  await enter(page, backend, "#/booking/b1");
  await button(page, "Cancel the booking").click();
  await expect(page.getByText("Do you really want to cancel this booking?")).toBeVisible();
  await expect(button(page, "Keep it")).toBeFocused();
  await button(page, "Keep it").click();
  await expect(button(page, "Cancel the booking")).toBeFocused();
  expect(backend.count("Cancel")).toBe(0);
  await button(page, "Cancel the booking").click();
  await button(page, "Cancel it").click();
  await expect(page.getByText("It was cancelled. Nothing was sent.")).toBeVisible();
  await expect(heading(page, "Booking of Fitzroy")).toBeFocused();
  await expect(button(page, "Cancel the booking")).toHaveCount(0);
  expect(backend.bookings[0]?.status).toBe("CANCELLED");
});

test("too late to cancel", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  const booking = backend.book("b1", "GENERATED");
  await enter(page, backend, "#/booking/b1");
  await button(page, "Cancel the booking").click();
  booking.status = "UPLOADING";
  await button(page, "Cancel it").click();
  await expect(page.getByRole("alert")).toContainText("It is too late to cancel: the upload has begun.");
  await advance(page, backend, 6_000);
  await expect(page.getByText("Its data is being sent.")).toBeVisible();
});

test("tried again after it failed", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  const booking = backend.book("b1", "FAILED", { reason: "The third party answered 503.", attempts: 9 });
  await enter(page, backend, "#/booking/b1");
  await expect(button(page, "Cancel the booking")).toHaveCount(0);
  await button(page, "Try the booking again").click();
  await expect(page.getByText("Send the data again?")).toBeVisible();
  await button(page, "Send it").click();
  await expect(heading(page, "Booking of Fitzroy")).toBeFocused();
  await expect(page.getByText("The third party answered 503.")).toHaveCount(0);
  await expect(button(page, "Cancel the booking")).toBeVisible();
  expect([booking.status, backend.count("Retry")]).toEqual(["GENERATED", 1]);
});

test("not tried again where its data is gone, or by whom may not", async ({ page, backend }) => {
  backend.book("b1", "FAILED");
  backend.wrong.set("retryBooking", { code: "CONFLICT", message: "Its data is gone." });
  await enter(page, backend, "#/booking/b1");
  await button(page, "Try the booking again").click();
  await button(page, "Send it").click();
  await expect(page.getByRole("alert")).toContainText("This booking cannot be tried again");
  backend.mayWrite = false;
  await page.reload();
  await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
  await expect(button(page, "Try the booking again")).toHaveCount(0);
});

test("the list, by status and by page", async ({ page, backend }) => {
  for (let i = 0; i < 25; i++)
    backend.book(`b${i}`, i % 5 === 0 ? "FAILED" : "UPLOADED", { segmentValue: `Suburb ${i}` });
  await enter(page, backend, "#/bookings");
  const rows = page.locator(".rows li");
  await expect(rows).toHaveCount(20);
  await expect(rows.first()).toContainText("Suburb 24");
  await link(page, "Next page").click();
  await expect(rows).toHaveCount(5);
  await page.getByLabel("Status").selectOption("Failed");
  await expect(rows).toHaveCount(5);
  await expect(rows.first()).toContainText("Suburb 20");
  expect(new URL(page.url()).hash).toBe("#/bookings?status=FAILED");
  await page.reload();
  await expect(page.getByLabel("Status")).toHaveValue("FAILED");
  await expect(rows.first()).toContainText("Failed");
  await page.getByLabel("Status").selectOption("Cancelled");
  await expect(page.getByText("There are no bookings here.")).toBeVisible();
  await link(page, "Bookings").click();
  await expect(rows).toHaveCount(20);
});

test("the list follows what is on its way, while somebody looks", async ({ page, backend }) => {
  await stopClocks(page, backend, now);
  const booking = backend.book("b1", "GENERATING");
  await enter(page, backend, "#/bookings");
  await expect(page.getByText("Being made", { exact: true }).last()).toBeVisible();
  booking.status = "UPLOADED";
  await advance(page, backend, 6_000);
  await expect(page.locator(".rows .badge")).toHaveText("Sent");
  await settle(page);
});

test("who may look alone is offered nothing else", async ({ page, backend }) => {
  backend.mayWrite = false;
  backend.book("b1", "BOOKED");
  await enter(page, backend, "#/segment/s0");
  await expect(page.getByText("Your sign-in may look, but not book.")).toBeVisible();
  await expect(button(page, "Book")).toHaveCount(0);
  await page.goto(`${backend.url}#/booking/b1`);
  await expect(heading(page, "Booking of Fitzroy")).toBeVisible();
  await expect(button(page, "Cancel the booking")).toHaveCount(0);
  await page.goto(`${backend.url}#/run/run-2`);
  await expect(heading(page, "Run run-2")).toBeVisible();
  await expect(button(page, "Replay all files")).toHaveCount(0);
});

test("a pipeline without bookings shows none", async ({ page, backend }) => {
  backend.pipeline.bookings = false;
  await enter(page, backend, "#/segment/s0");
  await expect(heading(page, "Fitzroy")).toBeVisible();
  await expect(button(page, "Book")).toHaveCount(0);
  await expect(link(page, "Bookings")).toHaveCount(0);
  await expect(link(page, "Runs")).toBeVisible();
});
