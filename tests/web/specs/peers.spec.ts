import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { build } from "esbuild";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { SipServer } from "../harness/servers.js";
import { serveSite, type Site } from "../harness/site.js";
import { expect, test } from "../harness/test.js";

const PAGES = fileURLToPath(new URL("../pages/", import.meta.url));

/** What a page of another library has. */
interface PeerPhone {
  register(): Promise<void>;
  call(target: string): Promise<void>;
  answer(): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  held(): boolean;
  transfer(target: string): Promise<void>;
  followTransfer(): Promise<void>;
  hangup(): Promise<void> | void;
  over(): Promise<unknown>;
  connection(): RTCPeerConnection;
}

declare global {
  interface Window {
    peer: PeerPhone;
  }
}

/** Waits until sound has come in at a page of another library, from now on. */
async function hears(page: Page): Promise<void> {
  const energy = (): Promise<number> =>
    page.evaluate(async () => {
      let energy = 0;
      (await window.peer.connection().getStats()).forEach((stat: { type: string; totalAudioEnergy?: number }) => {
        if (stat.type === "inbound-rtp") energy += stat.totalAudioEnergy ?? 0;
      });
      return energy;
    });
  const before = await energy();
  await expect.poll(energy, { message: "the peer hears something", timeout: 15_000 }).toBeGreaterThan(before + 1e-4);
}

for (const library of ["jssip", "sipjs"]) {
  test.describe(library, () => {
    let folder: string;
    let site: Site;
    const pages: Page[] = [];

    test.beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), `offhook-${library}-`));
      await build({
        entryPoints: { peer: join(PAGES, `peer-${library}.js`) },
        outdir: join(folder, "bundle"),
        bundle: true,
        format: "esm",
        logLevel: "error",
      });
      site = await serveSite({ "/": PAGES, "/bundle/": join(folder, "bundle") });
    });
    test.afterEach(async () => {
      for (const page of pages.splice(0)) await page.close();
    });
    test.afterAll(async () => {
      await site.close();
      await rm(folder, { recursive: true });
    });

    /** Opens a phone of that library, registered. */
    async function phone(open: () => Promise<Page>, { domain, ws }: SipServer, user: string): Promise<Page> {
      const page = await open();
      pages.push(page);
      page.on("pageerror", (error) => console.log(`${library} ${user}: ${error.message}`));
      const query = new URLSearchParams({ aor: `sip:${user}@${domain}`, server: ws, password: `${user}-secret` });
      await page.goto(`${site.url}/peer.html?${query}`);
      await page.waitForFunction(() => "peer" in window);
      await page.evaluate(() => window.peer.register());
      return page;
    }

    test("calls us, is held and holds, and hangs up", async ({ browser, server, talker }) => {
      const bob = await talker("bob");
      const peer = await phone(() => browser.newPage(), server, "alice");
      await Promise.all([peer.evaluate((target) => window.peer.call(target), `sip:bob@${server.domain}`), bob.answer()]);
      await bob.run(() => window.call.established);
      await Promise.all([bob.hears(), hears(peer)]);
      await bob.run(() => window.call.hold());
      expect(await peer.evaluate(() => window.peer.held())).toBe(true);
      await bob.phone.hearsNothing({ packets: false });
      await bob.run(() => window.call.resume());
      await Promise.all([bob.hears(), hears(peer)]);
      await peer.evaluate(() => window.peer.hold());
      await bob.phone.page.waitForFunction(() => window.call.onHold.remote);
      await peer.evaluate(() => window.peer.resume());
      await bob.phone.page.waitForFunction(() => !window.call.onHold.remote);
      await Promise.all([bob.hears(), hears(peer)]);
      await peer.evaluate(() => window.peer.hangup());
      expect(await bob.run(async () => (await window.call.ended).by)).toBe("remote");
    });

    test("is called by us, and we hang up", async ({ browser, server, talker }) => {
      const alice = await talker("alice");
      const peer = await phone(() => browser.newPage(), server, "bob");
      await Promise.all([alice.dial("bob"), peer.evaluate(() => window.peer.answer())]);
      await alice.run(() => window.call.established);
      await Promise.all([alice.hears(), hears(peer)]);
      await alice.run(() => window.call.hold());
      await alice.run(() => window.call.resume());
      await Promise.all([alice.hears(), hears(peer)]);
      await alice.run(() => window.call.hangup());
      await peer.evaluate(() => window.peer.over());
    });

    test("sends us to somebody else", async ({ browser, server, talker }) => {
      const [bob, carol] = await Promise.all([talker("bob"), talker("carol")]);
      const peer = await phone(() => browser.newPage(), server, "alice");
      await Promise.all([peer.evaluate((target) => window.peer.call(target), `sip:bob@${server.domain}`), bob.answer()]);
      await Promise.all([bob.hears(), hears(peer)]);
      // The page of a talker follows what it is asked.
      await Promise.all([
        peer.evaluate((target) => window.peer.transfer(target), `sip:carol@${server.domain}`),
        carol.answer(),
      ]);
      await bob.phone.page.waitForFunction(() => window.call.remote.uri.includes("carol") && window.call.state === "established");
      await Promise.all([bob.hears(), carol.hears()]);
      await carol.run(() => window.call.hangup());
    });

    test("is sent by us to somebody else", async ({ browser, server, talker }) => {
      const [alice, carol] = await Promise.all([talker("alice"), talker("carol")]);
      const peer = await phone(() => browser.newPage(), server, "bob");
      await Promise.all([alice.dial("bob"), peer.evaluate(() => window.peer.answer())]);
      await Promise.all([alice.hears(), hears(peer)]);
      const followed = peer.evaluate(() => window.peer.followTransfer());
      const transferred = alice.run(async () => (await (await window.call.transfer("carol")).done).status);
      await carol.answer();
      await followed;
      expect(await transferred).toBe(200);
      await Promise.all([carol.hears(), hears(peer)]);
      await carol.run(() => window.call.hangup());
    });
  });
}
