import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./harness/test.js";

export default defineConfig({
  testDir: "specs",
  globalSetup: "./harness/paths.ts",
  outputDir: "test-results",
  reporter: [["list"]],
  // Each worker has its own browser and servers; more of them than cores would only make sound stutter.
  workers: 2,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: { browserName: "chromium", headless: true, launchOptions: CHROMIUM },
  projects: [
    { name: "switchboard", testMatch: ["calls.spec.ts", "echo.spec.ts"], use: { via: "switchboard" } },
    { name: "kamailio", testMatch: ["calls.spec.ts", "echo.spec.ts"], use: { via: "kamailio" } },
  ],
});
