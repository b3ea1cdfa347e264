import { type Browser, type BrowserContext, expect, type Locator, type Page, type WebSocket } from "@playwright/test";
import type { Call, UserAgent } from "offhook";
import type { SipServer } from "./servers.js";

/** What of the softphone's page the tests use. */
declare global {
  interface Window {
    softphone: { readonly userAgent?: UserAgent | null; readonly calls: readonly Call[] };
  }
}

/** What a call's media has done so far. */
export interface Sound {
  packets: number;
  energy: number;
  /** The level at this moment, from 0 to 1. */
  level: number;
}

/** How long anything may take that needs no more than the machine and loopback. */
export const SOON = 15_000;

/** The fake microphone beeps once a second: that is how long one must listen to know that there is nothing. */
const A_BEEP = 1300;

/** A person at the softphone: acts by its buttons and looks at what it shows. */
export class Phone {
  readonly page: Page;
  readonly user: string;
  readonly #log: string[] = [];
  readonly #start = Date.now();

  /** Opens the softphone in a window of its own. */
  static open(browser: Browser, server: SipServer, user: string): Promise<Phone> {
    return Phone.visit(browser, server, user, "", {});
  }

  /** Opens another page of the server's site, one that reads the same query; in a window of its own, or as another tab. */
  static async visit(
    browser: Browser | BrowserContext,
    { site, ws, domain }: SipServer,
    user: string,
    path: string,
    more: Record<string, string>,
  ): Promise<Phone> {
    const context = "newContext" in browser ? await browser.newContext() : browser;
    const phone = new Phone(await context.newPage(), user);
    const query = new URLSearchParams({ aor: `sip:${user}@${domain}`, server: ws, ...more });
    await phone.page.goto(`${site}/${path}?${query}`);
    return phone;
  }

  private constructor(page: Page, user: string) {
    this.page = page;
    this.user = user;
    page.on("websocket", (socket) => this.#watch(socket));
    page.on("console", (message) => this.#note(`console ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => this.#note(`page error: ${error.stack ?? error.message}`));
  }

  get context(): BrowserContext {
    return this.page.context();
  }

  by(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Fills the form in and signs in, as far as the button. */
  async submit(password: string): Promise<void> {
    await this.by("password").fill(password);
    await this.by("sign-in").click();
  }

  /** Signs in; done when registered. */
  async signIn(): Promise<this> {
    await this.submit(`${this.user}-secret`);
    await expect(this.by("registration-state")).toHaveAttribute("data-state", "registered");
    return this;
  }

  async dial(target: string): Promise<void> {
    await this.by("dial-input").fill(target);
    await this.by("call-button").click();
  }

  /** Waits for the call in front to be in that state. */
  async sees(state: string): Promise<void> {
    await expect(this.by("call-state")).toHaveAttribute("data-state", state);
  }

  /** Waits for the call in front to have ended, for the reason in these words. */
  async seesEnd(words: string | RegExp): Promise<void> {
    await this.sees("ended");
    await expect(this.by("call-state")).toHaveText(words);
    await expect(this.by("hangup")).toBeHidden();
  }

  /** Waits for somebody's call to ring. */
  async rings(from: string): Promise<void> {
    await expect(this.by("incoming")).toBeVisible();
    await expect(this.by("incoming-party")).toContainText(from);
  }

  /** Waits until sound has come in from now on: packets, energy, and a level above zero. */
  async hears(call = -1): Promise<void> {
    const before = await this.sound(call);
    let loudest = 0;
    await expect
      .poll(
        async () => {
          const { packets, energy, level } = await this.sound(call);
          loudest = Math.max(loudest, level);
          return {
            packets: packets - before.packets >= 25,
            energy: energy - before.energy > 1e-4,
            level: loudest > 0.001,
          };
        },
        { message: `${this.user} hears something`, intervals: [50], timeout: SOON },
      )
      .toEqual({ packets: true, energy: true, level: true });
  }

  /** Waits until no more sound comes in; `packets` says whether packets may (of silence). */
  async hearsNothing({ packets, call = -1 }: { packets: boolean; call?: number }): Promise<void> {
    await expect(async () => {
      const before = await this.sound(call);
      await this.page.waitForTimeout(A_BEEP);
      const after = await this.sound(call);
      expect(after.energy - before.energy, `the sound that ${this.user} hears`).toBeLessThan(1e-6);
      if (!packets) expect(after.packets, `the packets that ${this.user} gets`).toBe(before.packets);
    }).toPass({ intervals: [0], timeout: SOON });
  }

  /** What getStats says of the sound that came in, in one call (the newest if not said). */
  sound(call = -1): Promise<Sound> {
    return this.page.evaluate(async (index) => {
      const stats = await window.softphone.calls.at(index)?.stats();
      const sound = { packets: stats?.packetsReceived ?? 0, energy: stats?.totalAudioEnergy ?? 0, level: 0 };
      stats?.report?.forEach((stat: { type: string; audioLevel?: number }) => {
        if (stat.type === "inbound-rtp") sound.level = Math.max(sound.level, stat.audioLevel ?? 0);
      });
      return sound;
    }, call);
  }

  /** Resolves with how long a tone of that frequency was heard without a break, in milliseconds, once it was 200. */
  hearsTone(frequency: number): Promise<number> {
    return this.page.evaluate(
      async ([wanted, soon]) => {
        const deadline = performance.now() + soon;
        const nextTurn = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 10));
        let stream = null;
        while (!(stream = window.softphone.calls.at(-1)?.remoteStream ?? null)) {
          if (performance.now() > deadline) throw new Error("nothing was to be heard");
          await nextTurn();
        }
        const audio = new AudioContext();
        const analyser = new AnalyserNode(audio, { fftSize: 4096, smoothingTimeConstant: 0 });
        audio.createMediaStreamSource(stream).connect(analyser);
        const spectrum = new Float32Array(analyser.frequencyBinCount);
        const width = audio.sampleRate / analyser.fftSize;
        let since = null;
        try {
          for (;;) {
            analyser.getFloatFrequencyData(spectrum);
            const loudest = spectrum.indexOf(Math.max(...spectrum));
            const now = performance.now();
            if ((spectrum[loudest] ?? -Infinity) > -60 && Math.abs(loudest * width - wanted) <= width) since ??= now;
            else since = null;
            if (since !== null && now - since >= 200) return now - since;
            if (now > deadline) throw new Error(`no tone of ${wanted} Hz was heard`);
            await nextTurn();
          }
        } finally {
          await audio.close();
        }
      },
      [frequency, SOON] as const,
    );
  }

  /** The SIP messages and what the page wrote to the console, for a report. */
  report(): string {
    return [`--- ${this.user}`, ...this.#log].join("\n");
  }

  /** How many requests of that method this phone has sent. */
  sent(method: string): number {
    return this.#log.filter((entry) => /^ *\d+ ms > (\S+)/.exec(entry)?.[1] === method).length;
  }

  #watch(socket: WebSocket): void {
    const frame = (arrow: string) => (event: { payload: string | Buffer }) =>
      this.#note(`${arrow} ${event.payload.toString().trimEnd().replaceAll(/\r?\n/g, "\n          ")}`);
    socket.on("framesent", frame(">"));
    socket.on("framereceived", frame("<"));
    socket.on("close", () => this.#note("the WebSocket closed"));
    socket.on("socketerror", (error) => this.#note(`the WebSocket failed: ${error}`));
  }

  #note(entry: string): void {
    this.#log.push(`${String(Date.now() - this.#start).padStart(6)} ms ${entry}`);
  }
}
