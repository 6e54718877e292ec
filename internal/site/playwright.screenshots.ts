import { defineConfig } from "@playwright/test";
import tests from "./playwright.config.ts";

/** Pictures for the documentation: "npm run screenshots". */
export default defineConfig(tests, { testMatch: "**/screenshots.ts" });
