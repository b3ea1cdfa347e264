import { type Browser, type BrowserContext, expect } from "@playwright/test";
import type { Call, CallOptions, ConnectOptions, MediaSource, UserAgent } from "offhook";
import { Phone, SOON } from "./phone.js";
import type { SipServer } from "./servers.js";

/** What the page of a talker has. */
declare global {
  interface Window {
    ua: UserAgent;
    /** The newest call. */
    call: Call;
    /** What the calls told, in short. */
    told: string[];
    /** What was asked of `getUserMedia`, by kind. */
    captured: string[];
  }
}

/** What can cross to the page. */
type Plain = Omit<ConnectOptions["media"] & object, "audioElement" | "modify">;

type PlainOptions = Omit<Partial<ConnectOptions>, "media" | "port" | "worker" | "credentials" | "signal"> & { media?: Plain };

/** Somebody whose page is driven by code: for what the softphone has no buttons. */
export class Talker {
  readonly phone: Phone;
  readonly #options: PlainOptions & Pick<ConnectOptions, "aor" | "server">;

  /** Opens an empty page on the server's site and registers there. */
  static async open(
    browser: Browser | BrowserContext,
    server: SipServer,
    user: string,
    media: Plain = {},
    more: PlainOptions = {},
  ): Promise<Talker> {
    const phone = await Phone.visit(browser, server, user, "healthz", {});
    const talker = new Talker(phone, {
      aor: `sip:${user}@${server.domain}`,
      server: server.ws,
      password: `${user}-secret`,
      media,
      ...more,
    });
    await talker.signIn();
    return talker;
  }

  /** Loads the page anew, and signs in again. */
  async reload(): Promise<void> {
    await this.phone.page.reload();
    await this.signIn();
  }

  /** Connects and registers. */
  async signIn(): Promise<void> {
    await this.phone.page.evaluate(async (options) => {
      window.told = [];
      window.captured = [];
      const devices = navigator.mediaDevices;
      const getUserMedia = devices.getUserMedia.bind(devices);
      devices.getUserMedia = (constraints) => {
        window.captured.push(Object.keys(constraints ?? {}).join());
        return getUserMedia(constraints);
      };
      const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
      window.ua = await UserAgent.connect(options);
      const calls: Call[] = [];
      Object.assign(window, { softphone: { calls } });
      const { call } = window.ua;
      const use = (made: Call): Call => {
        calls.push(made);
        window.call = made;
        made.on("ended", ({ end }) => window.told.push(`ended: ${end.reason}`));
        made.on("info", ({ dtmf }) => window.told.push(`key ${dtmf?.tone}`));
        made.on("hold", ({ local, remote }) => window.told.push(`hold ${local} ${remote}`));
        made.on("device", ({ kind, label }) => window.told.push(`${kind}: ${label}`));
        made.on("recovered", ({ type }) => window.told.push(type));
        made.on("media", ({ error, state }) => window.told.push(error ? error.message : `media ${state}`));
        return made;
      };
      window.ua.call = async (target: string, options?: CallOptions) => use(await call.call(window.ua, target, options));
      window.ua.on("transport", ({ state }) => window.told.push(state));
      window.ua.on("incoming", ({ call }) => use(call));
      for (const call of window.ua.restored) use(call);
      window.ua.on("stopped", ({ error }) => window.told.push(`stopped: ${error?.message}`));
      window.ua.onTransferRequest((request) => void request.accept().then(use));
      await window.ua.register();
    }, this.#options);
  }

  private constructor(phone: Phone, options: PlainOptions & Pick<ConnectOptions, "aor" | "server">) {
    this.phone = phone;
    this.#options = options;
  }

  /** Runs something in the page. */
  run<R>(what: () => Promise<R> | R): Promise<R> {
    return this.phone.page.evaluate(what);
  }

  /** Calls somebody; done when the INVITE is sent. */
  async dial(target: string, options: { audio?: MediaSource; video?: MediaSource } = {}): Promise<void> {
    await this.phone.page.evaluate(async ([target, options]) => void (await window.ua.call(target, options)), [
      target,
      options,
    ] as const);
  }

  /** Waits for a call and answers it. */
  async answer(options: { audio?: MediaSource; video?: MediaSource } = {}): Promise<void> {
    await this.rings();
    await this.phone.page.evaluate((options) => window.call.answer(options), options);
  }

  async rings(): Promise<void> {
    await this.phone.page.waitForFunction(() => window.call?.direction === "incoming" && window.call.state === "ringing");
  }

  /** Calls somebody who answers; done when both are in the call. */
  async talksTo(other: Talker, ours: { video?: MediaSource } = {}, theirs: { video?: MediaSource } = {}): Promise<void> {
    await Promise.all([this.dial(other.phone.user, ours), other.answer(theirs)]);
    await this.run(() => window.call.established);
  }

  hears(): Promise<void> {
    return this.phone.hears();
  }

  /** Waits until frames have come in, from now on. */
  async sees(what: "remoteStream" | "remoteScreen" = "remoteStream"): Promise<void> {
    const before = await this.frames(what);
    await expect
      .poll(() => this.frames(what), { message: `${this.phone.user} sees something`, intervals: [50], timeout: SOON })
      .toBeGreaterThan(before + 5);
  }

  /** How many frames came in. */
  frames(what: "remoteStream" | "remoteScreen"): Promise<number> {
    return this.phone.page.evaluate(async (what) => {
      const shown = window.call[what]?.getVideoTracks()[0]?.id;
      let frames = 0;
      (await window.call.stats())?.report?.forEach(
        (stat: { type: string; trackIdentifier?: string; framesDecoded?: number }) => {
          if (stat.type === "inbound-rtp" && stat.trackIdentifier === shown) frames += stat.framesDecoded ?? 0;
        },
      );
      return frames;
    }, what);
  }

  /** Waits until the call has told that. */
  async isTold(words: string): Promise<void> {
    await this.phone.page.waitForFunction((words) => window.told.includes(words), words);
  }

  /** Makes it possible to `fail`: the browser itself says that media failed only after half a minute without a path. */
  canFail(): Promise<void> {
    return this.run(() => {
      const { prototype } = RTCPeerConnection;
      const { get } = Object.getOwnPropertyDescriptor(prototype, "connectionState") ?? {};
      const { addEventListener } = prototype;
      let failed = false;
      Object.defineProperty(prototype, "connectionState", {
        get(this: RTCPeerConnection) {
          return failed ? "failed" : (get?.call(this) as RTCPeerConnectionState);
        },
      });
      prototype.addEventListener = function (this: RTCPeerConnection, ...args: Parameters<typeof addEventListener>) {
        addEventListener.apply(this, args);
        window.addEventListener("fail", () => {
          failed = true;
          if (args[0] === "connectionstatechange") this.dispatchEvent(new Event("connectionstatechange"));
          failed = false;
        });
      };
    });
  }

  /** The browser says that the media have failed. */
  fail(): Promise<void> {
    return this.run(() => void window.dispatchEvent(new Event("fail")));
  }

  /** Stops the track of what is sent, as if its device had been taken away. */
  unplug(kind: "audio" | "video"): Promise<void> {
    return this.phone.page.evaluate((kind) => {
      const track = window.call.localStream?.getTracks().find((track) => track.kind === kind);
      track?.stop();
      track?.dispatchEvent(new Event("ended"));
    }, kind);
  }
}
