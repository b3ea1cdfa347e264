import { defineConfig } from "@playwright/test";
import { CHROMIUM } from "./harness/chromium.js";
import type { WorkerOptions } from "./harness/test.js";

/** What is tested once through each server. */
const CALLS = ["calls.spec.ts", "echo.spec.ts", "sign-in.spec.ts"];

export default defineConfig<object, WorkerOptions>({
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
    { name: "switchboard", testMatch: CALLS, use: { via: "switchboard" } },
    { name: "kamailio", testMatch: CALLS, use: { via: "kamailio" } },
    { name: "package", testIgnore: CALLS, use: { via: "switchboard" } },
  ],
});
