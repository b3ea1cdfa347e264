import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { CHROMIUM } from "./chromium.js";

interface Answer {
  id?: number;
  result?: unknown;
  error?: { message: string };
}

/** A tab of a browser that nobody keeps visible. */
export interface BareTab {
  /** Evaluates an expression, and waits for what it promises. */
  evaluate<T>(expression: string): Promise<T>;
}

/**
 * A Chromium spoken to without Playwright, which makes every page believe that it is looked at: here a tab behind another
 * is hidden, as it is for people, and its timers are slow.
 */
export class BareBrowser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 1;
  #unread = "";

  static async launch(more: string[] = []): Promise<BareBrowser> {
    const profile = await mkdtemp(join(tmpdir(), "offhook-bare-"));
    const args = [...CHROMIUM.args, ...more, "--headless", "--remote-debugging-pipe", `--user-data-dir=${profile}`];
    const child = spawn(CHROMIUM.executablePath, [...args, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    return new BareBrowser(child, profile);
  }

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => this.#read(text));
  }

  /** Opens a tab in front of all others. */
  async open(url: string): Promise<BareTab> {
    const { targetId } = await this.#send<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#send<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
    // It is answered when the page is another one.
    await this.#send("Page.navigate", { url: whole(url) }, sessionId);
    const evaluate = async <T>(expression: string): Promise<T> => {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await this.#send<{
        result: { value: T };
        exceptionDetails?: { exception?: { description?: string } };
      }>("Runtime.evaluate", options, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? "the page has thrown");
      return result.value;
    };
    await evaluate("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))");
    return { evaluate };
  }

  /** Decides about what a site may do, as the person would. */
  async permit(name: string, setting: "granted" | "denied", site: string): Promise<void> {
    await this.#send("Browser.setPermission", { permission: { name }, setting, origin: new URL(whole(site)).origin });
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.#send("Browser.close");
    await gone;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result as T)));
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #read(text: string): void {
    const [last = "", ...whole] = (this.#unread + text).split("\0").reverse();
    this.#unread = last;
    for (const message of whole.reverse()) {
      const answer = JSON.parse(message) as Answer;
      if (answer.id === undefined) continue;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
  }
}

/** As Playwright has it, an address alone will do. */
function whole(url: string): string {
  return /^[a-z]+:/.test(url) ? url : `http://${url}`;
}
