import { BareBrowser, type BareTab } from "../harness/bare.js";
import { SOON } from "../harness/phone.js";
import { expect, test } from "../harness/test.js";

/** A notification of the system, as the page made it. */
interface Shown {
  title: string;
  body: string;
  tag: string;
  open: boolean;
}

/** Every notification is kept in `shown`; what the browser itself does with them stays as it is. */
const RECORDING = `
  window.shown = [];
  window.Notification = class extends Notification {
    open = true;
    constructor(title, options) {
      super(title, options);
      shown.push(this);
    }
    close() {
      this.open = false;
      super.close();
    }
  };
  undefined`;

const byId = (testId: string): string => `document.querySelector('[data-testid="${testId}"]')`;

/** The box of the settings that asks for it; null while they are not shown. */
const BOX = `([...document.querySelectorAll("label.check")].find(({ textContent }) => /another tab/.test(textContent))?.querySelector("input") ?? null)`;

const shown = (tab: BareTab): Promise<Shown[]> => tab.evaluate("shown.map(({ title, body, tag, open }) => ({ title, body, tag, open }))");

test("a call to a hidden tab is told by a notification of the system, if one wants that", async ({ server, phone }) => {
  const browser = await BareBrowser.launch();
  try {
    const query = new URLSearchParams({ aor: `sip:alice@${server.domain}`, server: server.ws, password: "alice-secret" });
    const alice = await browser.open(`${server.site}/?${query}&autoregister`);
    const state = (): Promise<string> => alice.evaluate("softphone.userAgent?.registration ?? ''");
    await expect.poll(state, { timeout: SOON }).toBe("registered");
    await alice.evaluate(RECORDING);
    await alice.evaluate(`void ${byId("tab-settings")}.click()`);
    const ticked = (): Promise<boolean | null> => alice.evaluate(`${BOX}?.checked ?? null`);
    await expect.poll(ticked).toBe(false);
    const press = (): Promise<void> => alice.evaluate(`void ${BOX}.click()`);
    const bob = await phone("bob");
    const rings = (): Promise<boolean> => alice.evaluate(`${byId("incoming")} !== null`);
    const callAndGiveUp = async (): Promise<void> => {
      await bob.dial("alice");
      await bob.sees("ringing");
      await expect.poll(rings).toBe(true);
      await bob.by("hangup").click();
      await expect.poll(rings).toBe(false);
    };

    // The browser is asked when the person asks for it, and what it refuses is not turned on.
    await browser.permit("notifications", "denied", server.site);
    await press();
    await expect.poll(() => alice.evaluate<string>("document.body.textContent")).toContain("The browser does not allow it");
    expect(await ticked()).toBe(false);
    await browser.permit("notifications", "granted", server.site);
    await press();
    await expect.poll(ticked).toBe(true);

    // Who looks at the page sees the call there.
    expect(await alice.evaluate("document.visibilityState")).toBe("visible");
    await callAndGiveUp();
    expect(await shown(alice)).toEqual([]);

    await browser.open("about:blank");
    expect(await alice.evaluate("document.visibilityState")).toBe("hidden");
    await bob.dial("alice");
    await expect.poll(() => shown(alice)).toHaveLength(1);
    const callId = await alice.evaluate<string>("softphone.calls.at(-1).callId");
    expect(await shown(alice)).toEqual([{ title: "bob is calling", body: "Click to see the call.", tag: callId, open: true }]);
    await expect.poll(() => alice.evaluate("document.title")).toBe("☎ bob is calling");
    // It goes when the call does …
    await bob.by("hangup").click();
    await expect.poll(async () => (await shown(alice))[0]?.open).toBe(false);

    // … when it is clicked, and when it is answered.
    await bob.dial("alice");
    await expect.poll(() => shown(alice)).toHaveLength(2);
    await alice.evaluate("void shown[1].dispatchEvent(new Event('click'))");
    expect((await shown(alice))[1]?.open).toBe(false);
    await bob.by("hangup").click();
    await expect.poll(rings).toBe(false);
    await bob.dial("alice");
    await expect.poll(() => shown(alice)).toHaveLength(3);
    await alice.evaluate(`void ${byId("answer")}.click()`);
    await bob.sees("established");
    expect((await shown(alice))[2]?.open).toBe(false);
    await bob.hears();
    await bob.by("hangup").click();

    // Not wanted any more.
    await press();
    await expect.poll(ticked).toBe(false);
    await callAndGiveUp();
    expect(await shown(alice)).toHaveLength(3);
  } finally {
    await browser.close();
  }
});
