import { defineConfig } from "@playwright/test";
import main from "./playwright.config.js";

/** Kamailio and Asterisk as people run them, over both kinds of WebSocket: part of `make interop`. */
export default defineConfig({ ...main, testDir: "exchanges", timeout: 120_000, projects: [{ name: "exchanges", use: { via: "switchboard" } }] });
