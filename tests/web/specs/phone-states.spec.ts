import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Locator } from "@playwright/test";
import { findings } from "../harness/axe.js";
import type { Phone } from "../harness/phone.js";
import { expect, test } from "../harness/test.js";

/** Where pictures of each state go, if they are wanted. */
const SHOTS = process.env["OFFHOOK_SHOTS"];
const WIDE = { width: 1180, height: 760 };
const NARROW = { width: 390, height: 780 };

/** A state of the phone, in light, dark and on a phone's screen: axe finds nothing, and nothing is wider than the screen. */
async function look(phone: Phone, state: string, part?: Locator): Promise<void> {
  const { page } = phone;
  for (const [name, viewport, colorScheme] of [
    ["light", WIDE, "light"],
    ["dark", WIDE, "dark"],
    ["narrow", NARROW, "light"],
    ["narrow-dark", NARROW, "dark"],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    expect.soft(await findings(page), `what axe finds in "${state}", ${name}`).toEqual([]);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(wider, `how much wider than the screen "${state}" is, ${name}`).toBe(0);
    if (!SHOTS || name === "narrow-dark") continue;
    await part?.scrollIntoViewIfNeeded();
    await mkdir(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${state}-${name}.png`) });
  }
  await page.setViewportSize(WIDE);
}

async function connect(caller: Phone, called: Phone): Promise<void> {
  await caller.dial(called.user);
  await called.rings(caller.user);
  await called.by("answer").click();
  await caller.sees("established");
}

test.beforeEach(() => test.setTimeout(180_000));

test("signing in", async ({ open }) => {
  const alice = await open("alice");
  await look(alice, "sign-in");
  await alice.submit("wrong");
  await expect(alice.by("error")).toBeVisible();
  await look(alice, "sign-in-failed");
  await alice.page.getByText("Server and more").click();
  await look(alice, "sign-in-more");
  await alice.signIn();
  await alice.by("sign-out").click();
  await expect(alice.page.getByRole("list", { name: "Accounts" })).toContainText("alice");
  await look(alice, "sign-in-known");
});

test("the sections while nobody calls", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await look(alice, "idle");
  await alice.by("tab-contacts").click();
  await look(alice, "contacts-empty");
  for (const [name, address] of [
    ["Bob Baker", "bob"],
    ["Carol Clark", "carol"],
    ["Echo", "echo"],
    ["Front desk", "+49 30 1234567"],
  ] as const) {
    await alice.by("add-contact").click();
    await alice.by("contact-name").fill(name);
    await alice.by("contact-address").fill(address);
    if (name === "Echo") await look(alice, "contact-new");
    await alice.by("save-contact").click();
  }
  await bob.by("tab-settings").click();
  await bob.page.getByLabel("Who sees whether").selectOption("everybody");
  await bob.by("tab-keypad").click();
  // Bob was asked before he allowed it: from anew.
  await alice.by("sign-out").click();
  await alice.signIn();
  await alice.by("tab-contacts").click();
  await expect(alice.by("contact").filter({ hasText: "Bob" })).toHaveAttribute("data-presence", "open");
  await look(alice, "contacts");
  await alice.by("tab-keypad").click();
  await alice.dial("busy");
  await alice.seesEnd("Busy");
  await look(alice, "ended");
  await bob.dial("alice");
  await alice.rings("Bob Baker");
  await bob.by("hangup").click();
  await expect(alice.by("incoming")).toBeHidden();
  await alice.by("tab-history").click();
  await look(alice, "history");
  await alice.by("tab-settings").click();
  await look(alice, "settings");
});

test("a call and what belongs to it", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await alice.dial("bob");
  await bob.rings("alice");
  await alice.sees("ringing");
  await look(alice, "calling");
  await look(bob, "incoming");
  await bob.by("answer").click();
  await alice.sees("established");
  await expect(alice.by("quality")).not.toHaveAttribute("data-bars", "0");
  await look(alice, "talking");
  await Promise.all([alice.by("video").click(), bob.by("video").click()]);
  await expect(alice.by("pictures").locator("video")).toHaveCount(2);
  await look(alice, "video");
  await Promise.all([alice.by("video").click(), bob.by("video").click()]);
  await expect(alice.by("pictures")).toBeHidden();
  await alice.by("quality").click();
  await look(alice, "quality");
  await alice.page.keyboard.press("Escape");
  await alice.by("open-audio").click();
  await look(alice, "audio");
  await alice.page.keyboard.press("Escape");
  await alice.by("open-keypad").click();
  for (const key of ["4", "2", "hash"]) await alice.page.getByRole("dialog").getByTestId(`key-${key}`).click();
  await expect(alice.by("played")).toHaveText("42#");
  await look(alice, "keys");
});

test("a call that is recorded, muted, looked into and held", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await connect(alice, bob);
  await expect(alice.by("quality")).not.toHaveAttribute("data-bars", "0");
  await alice.by("record").click();
  await expect(alice.by("recording")).toBeVisible();
  await look(alice, "recording");
  await alice.by("record").click();
  await expect(alice.by("tape")).toBeVisible();
  await alice.by("mute").click();
  await look(alice, "muted");
  await alice.by("mute").click();
  await alice.by("ladder").locator("summary").first().click();
  await look(alice, "ladder", alice.by("ladder").getByRole("button").last());
  await alice.by("ladder").locator("summary").first().click();
  await alice.by("hold").click();
  await expect(bob.by("call-state")).toHaveText("You are on hold");
  await look(alice, "held");
});

test("several calls, and transfers", async ({ phone }) => {
  const [alice, bob, carol] = await Promise.all([phone("alice"), phone("bob"), phone("carol")]);
  await connect(alice, bob);
  await carol.dial("alice");
  await alice.rings("carol");
  await look(alice, "waiting");
  await alice.by("answer").click();
  await carol.sees("established");
  await look(alice, "two-calls");
  await alice.by("open-transfer").click();
  await alice.by("transfer-target").fill("dave");
  await look(alice, "transfer");
  await alice.page.keyboard.press("Escape");
  await alice.by("merge").click();
  await expect(alice.by("call-state")).toHaveText("Conference of 3");
  await look(alice, "conference");
  await carol.by("hangup").click();
  await expect(alice.by("call-state")).toHaveText("In call");
  await alice.by("open-transfer").click();
  await alice.by("transfer-target").fill("carol");
  await alice.by("transfer-attended").click();
  await carol.rings("alice");
  await carol.by("answer").click();
  await expect(alice.by("transfer-complete")).toBeVisible();
  await look(alice, "consultation");
  await alice.by("transfer-complete").click();
  await expect(bob.by("transfer-request")).toBeVisible();
  await look(bob, "transfer-request");
  await bob.by("request-accept").click();
  await expect(alice.by("done")).toBeVisible();
  await look(alice, "transferred");
});
