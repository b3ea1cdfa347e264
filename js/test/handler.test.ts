import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Call, PeerConnectionMedia } from "../src/index.js";
import { launch, PACKAGE, serve } from "./browser.js";
import type { createWorld } from "./media-page.js";

/** What the page has. */
declare global {
  var media: { createWorld: typeof createWorld };
  var offhook: typeof import("../src/index.js");
}

/** What the default media handler makes of its options and of what browsers and other sides do, in a real browser. */
describe("the media handler in Chromium", { timeout: 120_000 }, () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let page: Page;

  before(async () => {
    server = await serve({ "/": PACKAGE });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto(`${server.url}/nothing`);
    await page.evaluate(
      "Promise.all([import('/build/test/media-page.js'), import('/build/src/index.js')]).then(([media, offhook]) => { Object.assign(globalThis, { media, offhook }); })",
    );
  });
  afterEach(() => page.close());

  it("hears the first of several forks, and whoever answers after an ICE restart", async () => {
    const seen = await page.evaluate(async () => {
      const make = (direction: "outgoing" | "incoming"): PeerConnectionMedia =>
        new offhook.PeerConnectionMedia({ direction, audio: true, video: undefined });
      const energy = async (handler: PeerConnectionMedia): Promise<number> => (await handler.stats()).totalAudioEnergy;
      const hears = async (handler: PeerConnectionMedia): Promise<void> => {
        const start = await energy(handler);
        while ((await energy(handler)) < start + 1e-4) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      const usual = { hold: false, iceRestart: false };
      const [alice, desk, mobile] = [make("outgoing"), make("incoming"), make("incoming")];
      const told: string[] = [];
      alice.onEvent = (event) => void told.push(event.type);
      const offer = await alice.createOffer(usual);
      const answers: string[] = [];
      for (const fork of [desk, mobile]) {
        await fork.applyOffer(offer);
        answers.push(await fork.createAnswer());
      }
      const [ofDesk = "", ofMobile = ""] = answers;
      await alice.applyAnswer(ofDesk, true);
      await hears(alice);
      await alice.applyAnswer(ofMobile, true);
      await hears(alice);
      const early = told.includes("restart");
      await alice.applyAnswer(ofMobile, false);
      const restart = told.includes("restart");
      desk.close();
      await mobile.applyOffer(await alice.createOffer({ hold: false, iceRestart: true }));
      await alice.applyAnswer(await mobile.createAnswer(), false);
      await Promise.all([hears(alice), hears(mobile)]);
      alice.close();
      mobile.close();
      return { early, restart };
    });
    assert.deepEqual(seen, { early: false, restart: true });
  });

  it("needs no restart if the one who is heard answers", async () => {
    const told = await page.evaluate(async () => {
      const request = { audio: true, video: undefined } as const;
      const alice = new offhook.PeerConnectionMedia({ direction: "outgoing", ...request });
      const bob = new offhook.PeerConnectionMedia({ direction: "incoming", ...request });
      const told: string[] = [];
      alice.onEvent = (event) => void told.push(event.type);
      await bob.applyOffer(await alice.createOffer({ hold: false, iceRestart: false }));
      const answer = await bob.createAnswer();
      await alice.applyAnswer(answer, true);
      await alice.applyAnswer(answer, false);
      alice.close();
      bob.close();
      return told;
    });
    assert.ok(!told.includes("restart"));
  });

  it("keeps the sound when video, or an answer that does not fit, is refused, and offers video again", async () => {
    const seen = await page.evaluate(async () => {
      const world = await media.createWorld();
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      const failure = { kind: "status", status: 488, reason: "", cause: null, retryAfter: null, contacts: [] as [] } as const;
      world.bobPort.refuseReoffer = failure;
      const refused = await outgoing.addVideo().catch((error: Error) => error.message);
      await outgoing.hold();
      await outgoing.resume();
      await world.hears(incoming);
      await incoming.renegotiate();
      await outgoing.addVideo();
      const tracks = (call: Call): string[] => call.remoteStream?.getTracks().map(({ kind }) => kind).sort() ?? [];
      const seen = tracks(incoming);
      await world.hears(outgoing);
      await world.hears(incoming);
      await outgoing.hangup();
      return { refused, seen };
    });
    assert.deepEqual(seen, { refused: "488 Not Acceptable Here", seen: ["audio", "video"] });
  });

  it("shows descriptions to the application on their way", async () => {
    const seen = await page.evaluate(async () => {
      const seen: string[] = [];
      let answer = (sdp: string): string => sdp;
      const world = await media.createWorld({
        bob: {
          modify: async (sdp, { type, from }) => {
            seen.push(`${from} ${type}`);
            return type === "answer" && from === "local" ? answer(sdp) : sdp;
          },
        },
      });
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      // Nonsense is refused, and the call goes on.
      answer = () => "nonsense";
      const held = await outgoing.hold().then(
        () => "agreed",
        ({ detail }: { detail: { kind: string; problem?: string } }) => `${detail.kind} ${detail.problem}`,
      );
      await world.hears(incoming);
      await world.hears(outgoing);
      // So is a data channel.
      answer = (sdp) => sdp.replace(/^m=application \d+/m, "m=application 0").replace(/^a=group:BUNDLE.*/m, "a=group:BUNDLE 0");
      const channel = await outgoing.openDataChannel("chat").catch((error: Error) => error.message);
      await outgoing.hangup();
      return { seen: seen.slice(0, 2), held, channel };
    });
    assert.deepEqual(seen, {
      seen: ["remote offer", "local answer"],
      held: "media negotiation",
      channel: "the other side does not take the data channel",
    });
  });

  it("uses the codecs it was told to", async () => {
    const codec = await page.evaluate(async () => {
      const world = await media.createWorld({ alice: { codecs: { audio: ["PCMU", "opus"] } } });
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      await outgoing.sendDtmf("1");
      const codec = (await incoming.stats())?.codec;
      await outgoing.hangup();
      return codec;
    });
    assert.equal(codec, "audio/PCMU");
  });

  it("fetches ICE servers for each call and each restart", async () => {
    const fetched = await page.evaluate(async () => {
      let fetched = 0;
      const iceServers = async (): Promise<RTCIceServer[]> => [{ urls: `stun:127.0.0.1:${40000 + fetched++}` }];
      const world = await media.createWorld({ alice: { iceServers, gatheringTimeout: 100 } });
      const { outgoing, incoming } = await world.talk();
      await outgoing.hold();
      await outgoing.resume();
      const before = fetched;
      await outgoing.renegotiate({ iceRestart: true });
      await world.hears(incoming);
      await outgoing.hangup();
      return [before, fetched];
    });
    assert.deepEqual(fetched, [1, 2]);
  });

  it("begins to send sound in a call that only listened", async () => {
    const tracks = await page.evaluate(async () => {
      const world = await media.createWorld({ alice: { audio: false } });
      const { outgoing, incoming } = await world.talk();
      await world.hears(outgoing);
      const silent = outgoing.localStream?.getTracks().length;
      await outgoing.replaceAudio(true);
      await world.hears(incoming);
      await outgoing.hangup();
      return silent;
    });
    assert.equal(tracks, 0);
  });

  it("tells apart why a microphone or camera cannot be had", async () => {
    const seen = await page.evaluate(async () => {
      const world = await media.createWorld();
      const { outgoing } = await world.talk();
      const seen: string[] = [];
      const note = ({ message, detail }: { message: string; detail: { problem?: string } }): void =>
        void seen.push(`${detail.problem}: ${message}`);
      await outgoing.addVideo("no-such-device").catch(note);
      for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError"]) {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name));
        await outgoing.addVideo().catch(note);
      }
      await world.alice.call("bob", { video: true }).catch(note);
      await outgoing.addVideo(new MediaStream()).catch(note);
      Object.defineProperty(navigator, "mediaDevices", { value: undefined });
      await outgoing.shareScreen().catch(note);
      await outgoing.hangup();
      return seen;
    });
    assert.deepEqual(seen, [
      "no-device: the chosen camera was not found",
      "denied: the camera was not allowed",
      "no-device: no camera was found",
      "busy: the camera could not be opened; perhaps another program is using it",
      "busy: the microphone or camera could not be opened; perhaps another program is using it",
      "no-device: the given stream has no video track",
      "unsupported: the browser gives the screen only to pages served over https",
    ]);
  });
});
