// Runs Chromium for the scenarios: one line of JSON a command in, one line a notification out. The Rust side is
// `tests/src/scenario/browser.rs`.
//
//   in:   {"page":1,"open":true}                     a page of its own for a scenario
//         {"page":1,"agent":0,"start":{…}}           an agent on it
//         {"page":1,"agent":0,"command":{…}}         what it is to do
//         {"page":1,"agent":0,"end":true}            what is wrong with how it ended?
//         {"page":1,"close":true}
//   out:  ready
//         {"page":1,"agent":0,"told":{…}}            a notification
//         {"page":1,"agent":0,"problems":["…"]}      the answer to `end`
//
// It ends with its input.
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "@playwright/test";
import { CHROMIUM } from "../harness/chromium.js";
import { ROOT } from "../harness/paths.js";
import { serveSite } from "../harness/site.js";
import type { Start } from "./page.js";

/** Where the agents live: `page` (the default), `worker` or `shared-worker`. */
const HOST = (process.env["OFFHOOK_HOST"] ?? "page") as Start["host"];

interface Line {
  page: number;
  agent?: number;
  open?: true;
  start?: Omit<Start, "host">;
  command?: { id: number; type: string };
  end?: true;
  close?: true;
}

/** The page of a scenario. What it is asked for is done in order. */
class Stage {
  readonly #problems: string[] = [];
  readonly #number: number;
  readonly #opened: Promise<Page>;
  #last: Promise<unknown>;

  constructor(browser: Browser, site: string, number: number) {
    this.#number = number;
    this.#opened = this.#open(browser, site);
    this.#last = this.#opened;
  }

  async #open(browser: Browser, site: string): Promise<Page> {
    const page = await browser.newPage();
    page.on("pageerror", (error) => this.#problems.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.#problems.push(`console: ${message.text()} (${message.location().url})`);
    });
    await page.exposeFunction("tell", (agent: number, told: unknown) => this.#say({ agent, told }));
    await page.goto(`${site}/scenarios/page.html`, { waitUntil: "load" });
    await page.waitForFunction("window.agents !== undefined");
    return page;
  }

  take(line: Line): void {
    this.#last = this.#last.then(() => this.#carryOut(line)).catch((thrown: unknown) => this.#problems.push(String(thrown)));
  }

  async #carryOut({ agent = 0, start, command, end, close }: Line): Promise<void> {
    const page = await this.#opened;
    const told = start && { ...start, host: HOST };
    if (told) await page.evaluate(([agent, start]) => window.agents.start(agent, start), [agent, told] as const);
    if (command) await page.evaluate(([agent, command]) => window.agents.command(agent, command), [agent, command] as const);
    if (end) {
      const found = await page.evaluate((agent) => window.agents.end(agent), agent);
      this.#say({ agent, problems: [...this.#problems.splice(0), ...found] });
    }
    if (close) await page.context().close();
  }

  #say(line: object): void {
    process.stdout.write(`${JSON.stringify({ page: this.#number, ...line })}\n`);
  }
}

const browser = await chromium.launch({ ...CHROMIUM, headless: true });
const site = await serveSite({
  "/scenarios/": fileURLToPath(new URL("tests/web/scenarios/", `file://${ROOT}`)),
  "/dist/": fileURLToPath(new URL("tests/web/dist/", `file://${ROOT}`)),
});
process.stdout.write("ready\n");

const stages = new Map<number, Stage>();
for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text) as Line;
  if (line.open) stages.set(line.page, new Stage(browser, site.url, line.page));
  stages.get(line.page)?.take(line);
  if (line.close) stages.delete(line.page);
}
await browser.close();
await site.close();
