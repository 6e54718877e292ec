import { defineConfig } from "@playwright/test";
import { launchOptions } from "./shared/chromium.mjs";

export default defineConfig({
  testMatch: "**/*.spec.ts",
  fullyParallel: true,
  workers: "100%",
  forbidOnly: true,
  reporter: "line",
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: { launchOptions, locale: "en-GB", timezoneId: "Europe/Warsaw", colorScheme: "light" },
});
