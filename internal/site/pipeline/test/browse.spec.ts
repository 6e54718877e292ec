import { button, enter, expect, heading, link, test } from "./fixture.ts";

test("segments, the largest first, page by page", async ({ page, backend }) => {
  await enter(page, backend);
  await expect(page.getByText("57 segments")).toBeVisible();
  const rows = page.locator(".rows li");
  await expect(rows).toHaveCount(20);
  await expect(rows.first()).toHaveText(/^Fitzroy\s*4,200 items$/);
  await expect(link(page, "First page")).toHaveCount(0);

  await link(page, "Next page").click();
  await expect(rows.first()).toContainText("Richmond 3");
  await expect(heading(page, "Segments")).toBeFocused();
  await link(page, "Next page").click();
  await expect(rows).toHaveCount(17);
  await expect(link(page, "Next page")).toHaveCount(0);
  await link(page, "Previous page").click();
  await expect(rows.first()).toContainText("Richmond 3");
  await link(page, "First page").click();
  await expect(rows.first()).toContainText("Fitzroy");
});

test("a reload and the back button stay where the visitor is", async ({ page, backend }) => {
  await enter(page, backend);
  await link(page, "Next page").click();
  const rows = page.locator(".rows li");
  await expect(rows.first()).toContainText("Richmond 3");
  await page.reload();
  await expect(rows.first()).toContainText("Richmond 3");
  // Where a page begins is in the address; which was before it is not.
  await expect(link(page, "Previous page")).toHaveCount(0);
  await link(page, "Richmond 3").click();
  await expect(heading(page, "Richmond 3")).toBeFocused();
  expect(new URL(page.url()).hash).toBe("#/segment/s20");
  await page.goBack();
  await expect(rows.first()).toContainText("Richmond 3");
  await page.goBack();
  await expect(rows.first()).toContainText("Fitzroy");
  await page.goForward();
  await expect(rows.first()).toContainText("Richmond 3");
});

test("search and order", async ({ page, backend }) => {
  await enter(page, backend);
  await page.getByRole("searchbox", { name: "Search" }).fill("KEW");
  await page.getByRole("searchbox", { name: "Search" }).press("Enter");
  await expect(page.getByRole("main").getByText("6 segments")).toBeVisible();
  await expect(page.getByRole("searchbox", { name: "Search" })).toBeFocused();
  await expect(page.locator("[aria-live]")).toHaveText("6 segments");
  await page.getByLabel("Order").selectOption("Z to A");
  await expect(page.locator(".rows li").first()).toContainText("Kew 6");
  expect(new URL(page.url()).hash).toBe("#/segments?search=KEW&sort=NAME_DESC");
  await page.goBack();
  await expect(page.locator(".rows li").first()).toContainText("Kew");
  await expect(page.getByLabel("Order")).toHaveValue("SIZE_DESC");

  await page.getByRole("searchbox", { name: "Search" }).fill("Atlantis");
  await button(page, "Search").click();
  await expect(page.getByRole("main").getByText("No segment is called so.")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("KEW");
  await expect(page.getByRole("main").getByText("6 segments")).toBeVisible();
});

test("going back shows at once what was there", async ({ page, backend }) => {
  await enter(page, backend);
  await link(page, "Carlton").click();
  await expect(heading(page, "Carlton")).toBeVisible();
  backend.gateway = () => 503;
  await page.goBack();
  await expect(page.getByText("57 segments")).toBeVisible();
  await expect(page.getByText("This could not be refreshed. Trying again…")).toBeVisible();
  backend.gateway = () => undefined;
  await expect(page.getByText("This could not be refreshed. Trying again…")).toHaveCount(0);
});

test("a segment's figures, as plot and as tables", async ({ page, backend }) => {
  await enter(page, backend, "#/segment/s0");
  await expect(heading(page, "Fitzroy")).toBeFocused();
  const price = page.getByRole("article", { name: "price" });
  await expect(price.getByRole("img")).toHaveAccessibleName(
    "Spread of values, 210,000 to 2,410,000. Most values are at 650,000 to 760,000.",
  );
  await expect(price.locator("rect")).toHaveCount(20);
  // The tallest bar fills the plot, an empty bucket has none, and the median stands where it belongs.
  const bars = await price.locator("rect").evaluateAll((all) => all.map((r) => Number(r.getAttribute("height"))));
  expect(bars[4]).toBe(100);
  expect(bars[18]).toBe(0);
  expect(bars[19]).toBe(1.5);
  expect(Number(await price.locator("line").last().getAttribute("x1"))).toBeCloseTo(((742 - 210) / 2200) * 20, 6);

  await expect(price.getByRole("row", { name: "Median" })).toContainText("742,000");
  await expect(price.getByRole("row", { name: "99%" })).toContainText("1,985,000");
  await expect(price.getByText("Mean")).toBeVisible();
  await expect(price.getByText("812,400", { exact: true })).toBeVisible();
  await price.getByText("Show as a table").click();
  await expect(price.getByRole("row", { name: "650,000 to 760,000" })).toContainText(/\d/);
  const counts = await price.locator("details tbody td").allTextContents();
  expect(counts.map((c) => Number(c.replaceAll(",", ""))).reduce((a, b) => a + b)).toBe(4_200);

  const bedrooms = page.getByRole("article", { name: "bedrooms" });
  await expect(bedrooms.getByText("Every value is 2.")).toBeVisible();
  await expect(bedrooms.getByRole("img")).toHaveCount(0);
  await expect(bedrooms.getByText("4,199 of 4,200")).toBeVisible();
});

test("a segment whose metadata is gone, one that measures nothing, and none", async ({ page, backend }) => {
  Object.assign(backend.segments[0] ?? {}, { metrics: null });
  Object.assign(backend.segments[1] ?? {}, { metrics: [] });
  await enter(page, backend, "#/segment/s0");
  await expect(page.getByText("The figures of this segment are gone.")).toBeVisible();
  await page.goto(`${backend.url}#/segment/s1`);
  await expect(page.getByText("This pipeline measures no attributes.")).toBeVisible();
  await page.goto(`${backend.url}#/segment/none`);
  await expect(page.getByText("The current upload has no such segment.")).toBeVisible();
  await page.goto(`${backend.url}#/nothing`);
  await expect(page.getByText("There is nothing at this address.")).toBeVisible();
});

test("before the first run is done", async ({ page, backend }) => {
  backend.published = undefined;
  backend.runs = [];
  await enter(page, backend);
  await expect(page.getByText("Nothing is published yet.")).toBeVisible();
  await link(page, "Runs").click();
  await expect(page.getByText("There are no runs yet.")).toBeVisible();
});

test("pages of an upload that is gone lead back to the first", async ({ page, backend }) => {
  await enter(page, backend);
  await link(page, "Next page").click();
  await expect(page.locator(".rows li").first()).toContainText("Richmond 3");
  backend.gone.add("run-2");
  await page.reload();
  await expect(page.getByText("The upload that you were looking through is gone.")).toBeVisible();
  await link(page, "First page").click();
  await expect(page.locator(".rows li").first()).toContainText("Fitzroy");
});
