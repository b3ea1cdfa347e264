import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PACKAGE, serve } from "./browser.js";
import type { MediaWorld } from "./media-page.js";

declare const world: MediaWorld;

/** The default media handler in a real browser, between two user agents in one page. */
describe("media in Chromium", { timeout: 120_000 }, () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let page: Page;

  before(async () => {
    server = await serve({ "/": PACKAGE });
    browser = await launch();
    page = await browser.newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto(`${server.url}/nothing`);
    await page.evaluate(
      "import('/build/test/media-page.js').then(async (m) => { globalThis.world = await m.createWorld(); })",
    );
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  it("carries sound both ways, plays it by itself, and lets go of everything", async () => {
    const seen = await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(outgoing);
      await world.hears(incoming);
      const codec = (await outgoing.stats())?.codec;
      const tracks = [...(outgoing.localStream?.getTracks() ?? []), ...(incoming.localStream?.getTracks() ?? [])];
      await outgoing.hangup();
      await incoming.ended;
      return { codec, tracks: tracks.map((track) => track.readyState), state: outgoing.mediaState };
    });
    assert.deepEqual(seen, { codec: "audio/opus", tracks: ["ended", "ended"], state: "closed" });
  });

  it("holds and resumes from either side", async () => {
    const seen = await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      const seen: string[] = [];
      await outgoing.hold();
      seen.push(world.directions(outgoing), world.directions(incoming));
      await world.silent(outgoing);
      await incoming.hold();
      seen.push(world.directions(outgoing), world.directions(incoming));
      await outgoing.resume();
      seen.push(world.directions(outgoing), world.directions(incoming));
      await incoming.resume();
      seen.push(world.directions(outgoing), world.directions(incoming));
      await world.hears(outgoing);
      await world.hears(incoming);
      await incoming.hangup();
      return seen;
    });
    assert.deepEqual(seen, [
      "sendonly",
      "recvonly",
      "inactive",
      "inactive",
      "recvonly",
      "sendonly",
      "sendrecv",
      "sendrecv",
    ]);
  });

  it("stays in the call when hold is refused", async () => {
    const seen = await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      world.bobPort.refuseReoffer = {
        kind: "status",
        status: 488,
        reason: "Not Acceptable Here",
        cause: null,
        retryAfter: null,
        contacts: [],
      };
      const refused = await outgoing.hold().then(
        () => "agreed",
        (error: Error) => error.message,
      );
      await world.hears(incoming);
      await world.hears(outgoing);
      await outgoing.hold();
      await outgoing.resume();
      await world.hears(incoming);
      await outgoing.hangup();
      return refused;
    });
    assert.equal(seen, "488 Not Acceptable Here");
  });

  it("stays in the call when an ICE restart is refused", async () => {
    await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      world.bobPort.refuseReoffer = {
        kind: "status",
        status: 488,
        reason: "Not Acceptable Here",
        cause: null,
        retryAfter: null,
        contacts: [],
      };
      await outgoing.renegotiate({ iceRestart: true }).catch(() => undefined);
      await world.hears(incoming);
      await world.hears(outgoing);
      await outgoing.hold();
      await outgoing.resume();
      await world.hears(incoming);
      await world.hears(outgoing);
      await outgoing.hangup();
    });
  });

  it("takes an offer of the other side after an ICE restart that was refused", async () => {
    await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      world.bobPort.refuseReoffer = {
        kind: "status",
        status: 488,
        reason: "Not Acceptable Here",
        cause: null,
        retryAfter: null,
        contacts: [],
      };
      await outgoing.renegotiate({ iceRestart: true }).catch(() => undefined);
      await incoming.hold();
      await incoming.resume();
      await world.hears(incoming);
      await world.hears(outgoing);
      await outgoing.hangup();
    });
  });

  it("survives both sides holding at the same moment", async () => {
    const seen = await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await Promise.all([outgoing.hold(), incoming.hold()]);
      const held = world.directions(outgoing) + world.directions(incoming);
      await Promise.all([outgoing.resume(), incoming.resume()]);
      await world.hears(incoming);
      await world.hears(outgoing);
      await outgoing.hangup();
      return held;
    });
    assert.equal(seen, "inactiveinactive");
  });

  it("mutes: packets go on, sound does not", async () => {
    await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      outgoing.mute();
      await world.silent(incoming);
      outgoing.unmute();
      await world.hears(incoming);
      await outgoing.hangup();
    });
  });

  it("plays early media, also when the answer then comes from somebody else", async () => {
    await page.evaluate(async () => {
      const { outgoing, incoming } = await world.ring();
      await incoming.ring({ earlyMedia: true });
      await world.hears(outgoing);
      await incoming.answer();
      await outgoing.established;
      await world.hears(incoming);
      await outgoing.hangup();
    });
  });

  it("sends keys within the media", async () => {
    const tones = await page.evaluate(async () => {
      const { outgoing } = await world.talk();
      await world.hears(outgoing);
      await outgoing.sendDtmf("12#");
      await outgoing.hangup();
      return true;
    });
    assert.ok(tones);
  });

  it("answers an INVITE without an offer, restarts ICE, replaces the microphone", async () => {
    await page.evaluate(async () => {
      const { outgoing, incoming } = await world.talk();
      await world.hears(incoming);
      const before = (await outgoing.stats())?.localCandidate;
      await outgoing.renegotiate({ iceRestart: true });
      await world.hears(incoming);
      const old = outgoing.localStream?.getTracks()[0];
      await outgoing.replaceAudio(true);
      if (old?.readyState !== "ended") throw new Error("the old microphone is still open");
      await world.hears(incoming);
      await outgoing.hangup();
      return before;
    });
  });

  it("says in words that the microphone was denied", async () => {
    const message = await page.evaluate(async () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
      return world.alice.call("bob").catch((error: Error) => error.message);
    });
    assert.equal(message, "the microphone was not allowed");
  });
});
