import type { Page } from "@playwright/test";
import { picture } from "../../shared/picture.ts";
import type { Backend } from "./backend.ts";
import { runOf, segmentsOf } from "./data.ts";
import { enter, expect, heading, link, minute, settle, stopClocks, test } from "./fixture.ts";

const now = Date.parse("2027-05-22T18:15:00Z");

/** Takes the picture from the top of the page, once everything that moves has come to rest. */
async function take(page: Page, name: string, fullPage = true): Promise<void> {
  await settle(page);
  await page.clock.runFor(3_000);
  await page.evaluate(() => scrollTo(0, 0));
  await picture(page, `pipeline-${name}`, fullPage);
}

async function dress(page: Page, backend: Backend): Promise<void> {
  backend.pipeline.logo = "logo.svg";
  backend.pipeline.style = { primary: "#9a3412" };
  backend.segments = segmentsOf(57);
  await stopClocks(page, backend, now);
  backend.published = { run: "homes-2027-05-22", at: now - 200 * minute };
  backend.runs = [
    runOf("homes-2027-05-22-evening", "INGESTING", now - 6 * minute, {
      ingested: 412_806,
      failed: 2,
      items: 413_290,
      segments: 0,
      described: 0,
      failuresByReason: [{ reason: "not_json", count: 2 }],
    }),
    runOf("homes-2027-05-22", "DONE", now - 200 * minute),
    runOf("homes-2027-05-21", "DONE", now - 1_640 * minute, { failed: 0, failuresByReason: [] }),
  ];
  const data = { generatedAt: new Date(now - 24 * minute).toISOString(), items: 4_200, bytes: 3_118_400, attempts: 1 };
  backend.book("booking-1", "UPLOADED", { ...data, endedAt: new Date(now - 22 * minute).toISOString() });
  backend.book("booking-2", "UPLOADING", { ...data, segmentValue: "Carlton", items: 3_906 });
  backend.book("booking-3", "BOOKED", { segmentValue: "Brunswick", at: new Date(now + 600 * minute).toISOString() });
  await enter(page, backend);
}

test.describe("desktop", () => {
  test.use({ viewport: { width: 1000, height: 760 } });

  test("segments, a segment, a run", async ({ page, backend }) => {
    await dress(page, backend);
    await expect(page.getByText("57 segments")).toBeVisible();
    await take(page, "segments", false);
    await link(page, "Fitzroy").click();
    await expect(heading(page, "Fitzroy")).toBeVisible();
    await take(page, "segment");
    await link(page, "homes-2027-05-22").click();
    await expect(heading(page, "Run homes-2027-05-22")).toBeVisible();
    await take(page, "run");
  });
});

test.describe("phone, dark", () => {
  test.use({ viewport: { width: 390, height: 780 }, colorScheme: "dark" });

  test("segments, bookings, runs", async ({ page, backend }) => {
    await dress(page, backend);
    await expect(page.getByText("57 segments")).toBeVisible();
    await take(page, "phone-segments", false);
    await link(page, "Bookings").click();
    await expect(link(page, "Brunswick")).toBeVisible();
    await take(page, "phone-bookings", false);
    await link(page, "Runs").click();
    await expect(link(page, "homes-2027-05-21")).toBeVisible();
    await take(page, "phone-runs", false);
  });
});
