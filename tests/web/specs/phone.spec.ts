import { stat } from "node:fs/promises";
import type { Browser } from "@playwright/test";
import { CHROMIUM } from "../harness/chromium.js";
import { Phone, SOON } from "../harness/phone.js";
import type { SipServer } from "../harness/servers.js";
import { expect, test as base } from "../harness/test.js";
import { giveVoice, hearsVoices, type Voice } from "../harness/voices.js";

// Two of each kind.
const args = CHROMIUM.args.map((arg) => arg.replace(/^--use-fake-device-for-media-stream$/, "$&=device-count=2"));

interface People {
  /** Somebody with a voice of their own. */
  voiced: (user: Voice) => Promise<Phone>;
  /** The same with contacts, by name with commas between. */
  acquainted: (user: Voice, contacts: string) => Promise<Phone>;
}

const test = base.extend<People>({
  voiced: async ({ browser, server, phones }, use) => {
    await use(async (user) => {
      const phone = await speaker(browser, server, user);
      phones.push(phone);
      return phone.signIn();
    });
  },
  acquainted: async ({ browser, server, phones }, use) => {
    await use(async (user, contacts) => {
      const phone = await speaker(browser, server, user, { contacts });
      phones.push(phone);
      return phone.signIn();
    });
  },
});

test.use({ launchOptions: { ...CHROMIUM, args } });

async function speaker(browser: Browser, server: SipServer, user: Voice, more: Record<string, string> = {}): Promise<Phone> {
  const context = await browser.newContext();
  await giveVoice(context, user);
  return Phone.visit(context, server, user, "", more);
}

async function connect(caller: Phone, called: Phone): Promise<void> {
  await caller.dial(called.user);
  await called.rings(caller.user);
  await called.by("answer").click();
  await caller.sees("established");
  await called.sees("established");
}

const hears = (phone: Phone, ...voices: Voice[]): Promise<void> => hearsVoices(phone.page, voices);

/** Alice talks to carol, while bob waits. */
async function two(voiced: (user: Voice) => Promise<Phone>): Promise<[alice: Phone, bob: Phone, carol: Phone]> {
  const [alice, bob, carol] = await Promise.all([voiced("alice"), voiced("bob"), voiced("carol")]);
  await connect(alice, bob);
  await carol.dial("alice");
  await alice.rings("carol");
  await expect(alice.by("incoming")).toContainText("Answering puts bob on hold");
  await alice.by("answer").click();
  await carol.sees("established");
  await expect(alice.by("remote-party")).toHaveText("carol");
  return [alice, bob, carol];
}

test("a call waits, is answered, and the two are swapped", async ({ voiced }) => {
  const [alice, bob, carol] = await two(voiced);
  await Promise.all([hears(alice, "carol"), hears(carol, "alice"), hears(bob)]);
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await alice.by("other-calls").getByRole("button", { name: "Switch: bob" }).click();
  await expect(alice.by("remote-party")).toHaveText("bob");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice"), hears(carol)]);
  await alice.by("other-calls").getByRole("button", { name: "Hang up: carol" }).click();
  await carol.seesEnd("Call ended");
  await hears(alice, "bob");
});

test("two calls are merged, one is muted in it, split again, and one leaves", async ({ voiced }) => {
  const [alice, bob, carol] = await two(voiced);
  await alice.by("merge").click();
  await expect(alice.by("call-state")).toHaveText("Conference of 3");
  await Promise.all([hears(alice, "bob", "carol"), hears(bob, "alice", "carol"), hears(carol, "alice", "bob")]);
  await alice.by("mute").click();
  await Promise.all([hears(bob, "carol"), hears(carol, "bob")]);
  await alice.by("mute").click();

  await alice.by("hold").click();
  await Promise.all([hears(alice), hears(bob), hears(carol)]);
  await alice.by("hold").click();
  await Promise.all([hears(alice, "bob", "carol"), hears(bob, "alice", "carol")]);

  await alice.by("split").click();
  await expect(alice.by("other-calls")).toContainText("On hold");
  await Promise.all([hears(alice, "carol"), hears(carol, "alice"), hears(bob)]);
  await alice.by("merge").click();
  await hears(bob, "alice", "carol");

  await carol.by("hangup").click();
  await expect(alice.by("remote-party")).toHaveText("bob");
  await expect(alice.by("call-state")).toHaveText("In call");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
  await alice.by("hangup").click();
  await bob.seesEnd("Call ended");
});

test("a call is transferred without a word", async ({ voiced }) => {
  const [alice, bob, carol] = await Promise.all([voiced("alice"), voiced("bob"), voiced("carol")]);
  await connect(alice, bob);
  await alice.by("open-transfer").click();
  await alice.by("transfer-target").fill("carol");
  await alice.by("transfer-blind").click();
  await expect(bob.by("transfer-request")).toContainText("wants to connect you with carol");
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await bob.by("request-accept").click();
  await carol.rings("bob");
  await carol.by("answer").click();
  await alice.seesEnd("Call ended");
  await expect(alice.by("done")).toHaveText("bob was transferred to carol.");
  await Promise.all([hears(bob, "carol"), hears(carol, "bob")]);
  await carol.by("hangup").click();
  await bob.seesEnd("Call ended");
});

test("a transfer that is not wanted leaves the call as it was", async ({ voiced }) => {
  const [alice, bob] = await Promise.all([voiced("alice"), voiced("bob")]);
  await connect(alice, bob);
  await alice.by("open-transfer").click();
  await alice.by("transfer-target").fill("carol");
  await alice.by("transfer-blind").click();
  await bob.by("request-reject").click();
  await expect(alice.by("error")).toContainText("Could not transfer bob");
  await expect(alice.by("call-state")).toHaveText("In call");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
});

test("a call is transferred after a word with the one it goes to", async ({ voiced }) => {
  const [alice, bob, carol] = await Promise.all([voiced("alice"), voiced("bob"), voiced("carol")]);
  await connect(alice, bob);
  await alice.by("open-transfer").click();
  await alice.by("transfer-target").fill("carol");
  await alice.by("transfer-attended").click();
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await carol.rings("alice");
  await carol.by("answer").click();
  await expect(alice.by("consultation")).toContainText("You talk to carol. bob waits to be transferred.");
  await Promise.all([hears(alice, "carol"), hears(carol, "alice"), hears(bob)]);
  await alice.by("transfer-complete").click();
  await bob.by("request-accept").click();
  await alice.seesEnd("Call ended");
  await expect(alice.by("done")).toHaveText("bob was transferred to carol.");
  // Carol goes on talking: to somebody else, and without another ring.
  await expect(carol.by("remote-party")).toHaveText("bob");
  await Promise.all([hears(bob, "carol"), hears(carol, "bob")]);
});

test("who is asked first may say no, or not be there: the call goes on", async ({ voiced }) => {
  const [alice, bob, carol] = await Promise.all([voiced("alice"), voiced("bob"), voiced("carol")]);
  await connect(alice, bob);
  const ask = async (target: string): Promise<void> => {
    await alice.by("open-transfer").click();
    await alice.by("transfer-target").fill(target);
    await alice.by("transfer-attended").click();
  };
  await ask("busy");
  await expect(alice.by("error")).toContainText("Could not transfer bob");
  await expect(alice.by("remote-party")).toHaveText("bob");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
  await ask("carol");
  await carol.rings("alice");
  await carol.by("answer").click();
  await alice.by("transfer-back").click();
  await carol.seesEnd("Call ended");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
});

test("two calls of one's own are connected", async ({ voiced }) => {
  const [alice, bob, carol] = await two(voiced);
  await alice.by("open-transfer").click();
  await alice.by("transfer-connect").click();
  await carol.by("request-accept").click();
  await alice.seesEnd("Call ended");
  await Promise.all([hears(bob, "carol"), hears(carol, "bob")]);
});

test("a page that is loaded anew goes on with its call", async ({ browser, server, phones }) => {
  const [alice, bob] = await Promise.all([speaker(browser, server, "alice"), speaker(browser, server, "bob")]);
  phones.push(alice, bob);
  // Without an account in the address: it is the one of this browser.
  await alice.page.goto(`${server.site}/`);
  await alice.by("aor").fill(`sip:alice@${server.domain}`);
  await alice.by("remember").check();
  await alice.page.getByText("Server and more").click();
  await alice.by("server").fill(server.ws);
  await Promise.all([alice.signIn(), bob.signIn()]);
  await connect(alice, bob);
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
  await alice.page.reload();
  await alice.sees("established");
  await Promise.all([hears(alice, "bob"), hears(bob, "alice")]);
  await expect(alice.by("remote-party")).toContainText("bob");
  await alice.by("hold").click();
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await alice.by("hangup").click();
  await bob.seesEnd("Call ended");
  await alice.by("tab-history").click();
  await expect(alice.by("past").first()).toContainText("bob");
});

test("what is talked is recorded, and can be saved", async ({ voiced }) => {
  const [alice, bob] = await Promise.all([voiced("alice"), voiced("bob")]);
  await connect(alice, bob);
  await hears(alice, "bob");
  await alice.by("record").click();
  await expect(alice.by("recording")).toBeVisible();
  await hears(bob, "alice");
  await alice.by("record").click();
  await expect(alice.by("tape")).toBeVisible();
  const saved = alice.page.waitForEvent("download");
  await alice.by("tape").getByRole("link", { name: "Save" }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe("bob.webm");
  expect((await stat(await file.path())).size).toBeGreaterThan(1000);
});

test("contacts are seen to be there, on the phone, and away", async ({ acquainted }) => {
  const [bob, carol] = await Promise.all([acquainted("bob", "alice"), acquainted("carol", "bob")]);
  const alice = await acquainted("alice", "bob,carol");
  await alice.by("tab-contacts").click();
  const row = (name: string) => alice.by("contact").filter({ hasText: name });
  await expect(row("bob")).toHaveAttribute("data-presence", "open");
  await expect(row("carol"), "carol does not know alice").toHaveAttribute("data-presence", "unknown");
  await bob.dial("busy");
  await bob.seesEnd("Busy");
  await connect(carol, bob);
  await expect(row("bob")).toHaveAttribute("data-presence", "busy");
  await bob.by("hangup").click();
  await expect(row("bob")).toHaveAttribute("data-presence", "open");
  await bob.by("status").selectOption("away");
  await expect(row("bob")).toHaveAttribute("data-presence", "away");
  // Who does not want to be disturbed is not.
  await bob.by("status").selectOption("dnd");
  await alice.by("contact").getByRole("button", { name: "Call bob" }).click();
  await alice.seesEnd("Not available at the moment");
});

test("a colleague picks up what rings at somebody who lets them", async ({ voiced, acquainted }) => {
  const bob = await acquainted("bob", "alice");
  const [alice, carol] = await Promise.all([acquainted("alice", "bob"), voiced("carol")]);
  await alice.by("tab-contacts").click();
  const row = alice.by("contact").filter({ hasText: "bob" });
  const pickUp = row.getByRole("button", { name: "Pick up the call for bob" });
  await carol.dial("bob");
  await bob.rings("carol");
  await expect(row).toHaveAttribute("data-presence", "ringing");
  await expect(pickUp, "bob has not said that she may").toBeHidden();
  await bob.by("tab-settings").click();
  await bob.page.getByLabel("They may pick up my calls").check();
  await pickUp.click();
  await Promise.all([alice.sees("established"), carol.sees("established")]);
  await Promise.all([hears(alice, "carol"), hears(carol, "alice")]);
  await expect(bob.by("incoming"), "it does not ring any more").toBeHidden();
  await alice.by("hangup").click();
  await carol.seesEnd("Call ended");
});

test("a camera is turned on and off in a call, and a screen is shared", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  // The chooser of the browser is no page's: somebody has chosen.
  await alice.page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const context = canvas.getContext("2d");
    setInterval(() => context?.fillRect(0, 0, Math.random() * 320, 180), 100);
    navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream();
  });
  await connect(alice, bob);
  const picture = (phone: Phone, name: string) => phone.by("pictures").getByLabel(name, { exact: true });
  /** Pictures come, one after the other. */
  const moves = async (phone: Phone, name: string): Promise<void> => {
    const frames = (): Promise<number> => picture(phone, name).evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
    const before = await frames();
    await expect.poll(frames, { timeout: SOON }).toBeGreaterThan(before + 5);
  };
  await alice.by("video").click();
  await moves(bob, "alice");
  await moves(alice, "You");
  await expect(alice.by("video")).toHaveAttribute("aria-pressed", "true");
  await bob.by("video").click();
  await moves(alice, "bob");
  await alice.by("share").click();
  await moves(bob, "The screen of alice");
  await Promise.all([alice.hears(), bob.hears()]);
  await alice.by("share").click();
  await expect(picture(bob, "The screen of alice")).toBeHidden();
  await alice.by("video").click();
  await expect(picture(bob, "alice")).toBeHidden();
  await expect(alice.by("video")).toHaveAttribute("aria-pressed", "false");
  await expect(alice.by("error")).toBeHidden();
  await bob.by("video").click();
  await expect(alice.by("pictures")).toBeHidden();
});

test("somebody who has only a keyboard signs in, calls, mutes, and hangs up", async ({ open, phone }) => {
  const [alice, bob] = await Promise.all([open("alice"), phone("bob")]);
  const { keyboard } = alice.page;
  await expect(alice.by("password")).toBeFocused();
  await keyboard.type("alice-secret");
  await keyboard.press("Enter");
  await expect(alice.by("dial-input")).toBeFocused();
  await keyboard.type("bob");
  await keyboard.press("Enter");
  await bob.rings("alice");
  await expect(bob.by("incoming")).toBeFocused();
  await bob.page.keyboard.press("Enter");
  await alice.sees("established");
  await expect(alice.by("call")).toBeFocused();
  await keyboard.press("m");
  await expect(alice.by("call-state")).toHaveText("In call, muted");
  await keyboard.press("m");
  await keyboard.press("h");
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await keyboard.press("h");
  await expect(alice.by("call-state")).toHaveText("In call");
  // A dialog takes the keys, and gives the focus back.
  await keyboard.press("Tab");
  await alice.by("open-transfer").focus();
  await keyboard.press("Enter");
  await expect(alice.by("transfer-target")).toBeVisible();
  await keyboard.press("Escape");
  await expect(alice.by("open-transfer")).toBeFocused();
  await alice.sees("established");
  await keyboard.press("Escape");
  await bob.seesEnd("Call ended");
  await expect(alice.by("dial-input")).toBeFocused();
});

test("another microphone and speaker are taken in a call, and stay chosen", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await connect(alice, bob);
  await bob.hears();
  const invites = alice.sent("INVITE");
  const microphone = (): Promise<string> =>
    alice.page.evaluate(() => window.softphone.calls.at(-1)?.localStream?.getAudioTracks()[0]?.label ?? "");
  const before = await microphone();
  await alice.by("open-audio").click();
  const names = await alice.by("microphone").locator("option").allTextContents();
  const other = names.slice(1).find((name) => name !== before) ?? "";
  await alice.by("microphone").selectOption({ label: other });
  await expect.poll(microphone, { timeout: SOON }).toBe(other);
  await alice.by("speaker").selectOption({ index: 1 });
  await expect(alice.page.getByRole("meter").first()).toBeVisible();
  await alice.page.keyboard.press("Escape");
  await Promise.all([alice.hears(), bob.hears()]);
  await expect(alice.by("error")).toBeHidden();
  expect(alice.sent("INVITE"), "the other side need not know").toBe(invites);
  await alice.by("hangup").click();
  await bob.seesEnd("Call ended");
  await connect(bob, alice);
  expect(await microphone()).toBe(other);
});
