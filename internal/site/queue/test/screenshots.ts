import type { Page } from "@playwright/test";
import { picture } from "../../shared/picture.ts";
import type { Backend } from "./backend.ts";
import { advance, at, button, expect, minute, opening, settle, test } from "./fixture.ts";

const take = async (page: Page, name: string) => {
  await settle(page);
  await page.clock.runFor(3_000);
  await picture(page, `queue-${name}`, true);
};

/** A sale whose line moves by nine fans a second, and no chance, so that pictures change only with the page. */
async function dress(page: Page, backend: Backend): Promise<void> {
  await page.addInitScript(() => {
    Math.random = () => 0.5;
  });
  backend.sale.logo = "logo.svg";
  backend.sale.style = { primary: "#0f766e" };
  backend.pace = 9;
  backend.behind = 6_540;
  backend.near = 1_000;
}

test.describe("phone", () => {
  test.use({ viewport: { width: 390, height: 780 } });

  test("before, waiting, turn, tickets", async ({ page, backend }) => {
    await dress(page, backend);
    backend.drawFrom = opening - 30 * minute;
    await at(page, backend, -12 * minute - 34_000);
    await expect(page.getByTestId("opening")).toBeVisible();
    await take(page, "phone-before");
    backend.drawFrom = undefined;
    await page.goto("about:blank");
    backend.fixed = opening + 4 * minute;
    await page.clock.pauseAt(backend.fixed);
    await wait(page, backend);
    await take(page, "phone-waiting");
    backend.callUpTo(backend.fan.place);
    backend.claimTTL = 180;
    await page.reload();
    await settle(page);
    await advance(page, backend, 2 * minute + 2_000);
    await expect(button(page, "Take your turn")).toBeVisible();
    await take(page, "phone-turn");
    await button(page, "Take your turn").click();
    await expect(page.getByRole("link", { name: "Go to the tickets" })).toBeVisible();
    await take(page, "phone-tickets");
  });
});

test.describe("desktop", () => {
  test.use({ viewport: { width: 1120, height: 760 }, colorScheme: "dark" });

  test("waiting", async ({ page, backend }) => {
    await dress(page, backend);
    await at(page, backend, 4 * minute);
    await wait(page, backend);
    await take(page, "desktop-waiting");
  });
});

/** Joins and waits for four minutes. */
async function wait(page: Page, backend: Backend): Promise<void> {
  backend.callUpTo(2_160);
  await page.goto(backend.url);
  await button(page, "Join the line").click();
  await settle(page);
  await advance(page, backend, 10_000);
  await advance(page, backend, 4 * minute, 5_000);
}
