// The main things a phone does, in Firefox: `npm run firefox`. Playwright drives no Firefox of Debian's, Puppeteer does (by
// WebDriver BiDi).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Call, UserAgent } from "offhook";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import prepare from "../harness/paths.js";
import { type SipServer, startSwitchboard } from "../harness/servers.js";

declare global {
  interface Window {
    ua: UserAgent;
    /** The newest call. */
    call: Call;
    keys: string;
  }
}

/** How long anything may take. */
const SOON = 20_000;

let server: SipServer;
let firefox: Browser;
const pages: Page[] = [];

before(async () => {
  prepare();
  server = await startSwitchboard();
  firefox = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env["OFFHOOK_FIREFOX"] ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: {
      "media.navigator.permission.disabled": true,
      "media.navigator.streams.fake": true,
      "media.autoplay.default": 0,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "dom.min_background_timeout_value": 4,
      "app.normandy.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "services.settings.server": "data:,",
    },
  });
});

after(async () => {
  await firefox?.close();
  await server?.stop();
});

/** Somebody on an empty page, registered. */
async function talker(user: string): Promise<Page> {
  const page = await firefox.newPage();
  pages.push(page);
  page.setDefaultTimeout(SOON);
  // Firefox wants it whole.
  await page.goto(new URL("/healthz", server.ws.replace(/^ws/, "http")).href);
  await page.evaluate(
    async (options) => {
      const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
      const use = (call: Call): void => {
        window.call = call;
        call.on("info", ({ dtmf }) => (window.keys += dtmf?.tone ?? ""));
      };
      window.keys = "";
      window.ua = await UserAgent.connect(options);
      window.ua.on("incoming", ({ call }) => use(call));
      window.ua.onTransferRequest((request) => void request.accept().then(use));
      await window.ua.register();
    },
    { aor: `sip:${user}@${server.domain}`, server: server.ws, password: `${user}-secret` },
  );
  return page;
}

async function closeAll(): Promise<void> {
  for (const page of pages.splice(0)) {
    await page.evaluate(() => window.ua.shutdown());
    await page.close();
  }
}

async function answer(page: Page): Promise<void> {
  await page.waitForFunction(() => window.call?.direction === "incoming" && window.call.state === "ringing");
  await page.evaluate(() => window.call.answer());
}

async function talk(caller: Page, callee: Page, target: string): Promise<void> {
  const calling = caller.evaluate(async (target) => {
    window.call = await window.ua.call(target);
    await window.call.established;
  }, target);
  await Promise.all([calling, answer(callee)]);
}

/** Waits until sound has come in, from now on. */
async function hears(page: Page): Promise<void> {
  await page.evaluate(async (soon) => {
    const heard = async (): Promise<[number, number]> => {
      const stats = await window.call.stats();
      return [stats?.packetsReceived ?? 0, stats?.totalAudioEnergy ?? 0];
    };
    const [packets, energy] = await heard();
    const deadline = Date.now() + soon;
    for (;;) {
      const [now, loud] = await heard();
      if (now - packets >= 25 && loud - energy > 1e-4) return;
      if (Date.now() > deadline) throw new Error(`${now - packets} packets and ${loud - energy} of energy came in`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }, SOON);
}

test("registers, calls, holds, and sends keys, with sound both ways", { timeout: 120_000 }, async () => {
  const [alice, bob] = [await talker("alice"), await talker("bob")];
  await talk(alice, bob, "bob");
  await Promise.all([hears(alice), hears(bob)]);
  await alice.evaluate(() => window.call.hold());
  await bob.waitForFunction(() => window.call.onHold.remote);
  await alice.evaluate(() => window.call.resume());
  await bob.evaluate(() => window.call.hold());
  await alice.waitForFunction(() => window.call.onHold.remote);
  await bob.evaluate(() => window.call.resume());
  await Promise.all([hears(alice), hears(bob)]);
  await alice.evaluate(() => window.call.sendDtmf("12#", { via: "rtp" }));
  await alice.evaluate(() => window.call.sendDtmf("34*", { via: "info" }));
  await bob.waitForFunction(() => window.keys === "34*");
  await alice.evaluate(() => window.call.renegotiate({ iceRestart: true }));
  await Promise.all([hears(alice), hears(bob)]);
  await bob.evaluate(() => window.call.hangup());
  assert.equal(await alice.evaluate(async () => (await window.call.ended).by), "remote");
  await closeAll();
});

test("transfers a call to somebody else", { timeout: 120_000 }, async () => {
  const [alice, bob, carol] = [await talker("alice"), await talker("bob"), await talker("carol")];
  await talk(alice, bob, "bob");
  await Promise.all([hears(alice), hears(bob)]);
  const transferred = alice.evaluate(async () => (await (await window.call.transfer("carol")).done).status);
  await answer(carol);
  assert.equal(await transferred, 200);
  await Promise.all([hears(bob), hears(carol)]);
  assert.equal(await alice.evaluate(async () => (await window.call.ended).reason).then(Boolean), true);
  await carol.evaluate(() => window.call.hangup());
  await closeAll();
});
