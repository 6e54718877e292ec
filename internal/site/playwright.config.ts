import { defineConfig } from "@playwright/test";
import { launchOptions } from "./shared/chromium.mjs";

export default defineConfig({
  testMatch: "**/*.spec.ts",
  fullyParallel: true,
  forbidOnly: true,
  reporter: "line",
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: { launchOptions, locale: "en-GB", timezoneId: "Europe/Warsaw", colorScheme: "light" },
});
