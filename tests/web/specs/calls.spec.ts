import type { Phone } from "../harness/phone.js";
import { expect, launchWithLoopback, test } from "../harness/test.js";

/** Calls, answers, and waits until both see it. */
async function connect(caller: Phone, called: Phone): Promise<void> {
  await caller.dial(called.user);
  await called.rings(caller.user);
  await caller.sees("ringing");
  await called.by("answer").click();
  await caller.sees("established");
  await called.sees("established");
}

/** Presses hold, and waits until both see and hear nothing of the other. */
async function hold(holder: Phone, held: Phone): Promise<void> {
  await holder.by("hold").click();
  await expect(holder.by("hold")).toHaveAttribute("aria-pressed", "true");
  await expect(holder.by("call-state")).toHaveText("On hold");
  await expect(held.by("call-state")).toHaveText("You are on hold");
  await Promise.all([holder.hearsNothing({ packets: false }), held.hearsNothing({ packets: true })]);
}

/** Presses resume, and waits until both hear each other again. */
async function resume(holder: Phone, held: Phone): Promise<void> {
  await holder.by("hold").click();
  await expect(holder.by("hold")).toHaveAttribute("aria-pressed", "false");
  await expect(holder.by("call-state")).toHaveText("In call");
  await expect(held.by("call-state")).toHaveText("In call");
  await Promise.all([holder.hears(), held.hears()]);
}

test("the caller holds, resumes and hangs up", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await connect(alice, bob);
  await Promise.all([alice.hears(), bob.hears()]);
  await expect(alice.by("call-timer")).toHaveText(/^\d\d:\d\d$/);
  await hold(alice, bob);
  await resume(alice, bob);
  await alice.by("hangup").click();
  await alice.seesEnd("Call ended");
  await bob.seesEnd("Call ended");
  expect(alice.sent("BYE")).toBe(1);
});

test("the called one holds, resumes and hangs up", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await connect(alice, bob);
  await Promise.all([alice.hears(), bob.hears()]);
  await hold(bob, alice);
  await resume(bob, alice);
  await bob.by("hangup").click();
  await bob.seesEnd("Call ended");
  await alice.seesEnd("Call ended");
  expect(bob.sent("BYE")).toBe(1);
});

test("both hold at the same moment, and both resume", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  const both = [alice, bob];
  await connect(alice, bob);
  await Promise.all(both.map((one) => one.hears()));
  await Promise.all(both.map((one) => one.by("hold").click()));
  for (const one of both) await expect(one.by("hold")).toHaveText("Resume");
  await Promise.all(both.map((one) => one.hearsNothing({ packets: false })));
  await Promise.all(both.map((one) => one.by("hold").click()));
  for (const one of both) await expect(one.by("call-state")).toHaveText("In call");
  await Promise.all(both.map((one) => one.hears()));
  // As events of the page: the button is gone as soon as the other side was faster.
  await Promise.all(both.map((one) => one.by("hangup").dispatchEvent("click")));
  for (const one of both) await one.seesEnd("Call ended");
});

test("a muted caller is not heard, but hears", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await connect(alice, bob);
  await bob.hears();
  await alice.by("mute").click();
  await expect(alice.by("call-state")).toHaveText("In call, muted");
  await Promise.all([bob.hearsNothing({ packets: true }), alice.hears()]);
  await alice.by("mute").click();
  await bob.hears();
  await bob.by("hangup").click();
  await alice.seesEnd("Call ended");
});

test("the caller gives up while it rings", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await alice.dial("bob");
  await bob.rings("alice");
  await alice.sees("ringing");
  await alice.by("hangup").click();
  await alice.seesEnd("Cancelled");
  await expect(bob.by("incoming")).toBeHidden();
  await bob.seesEnd("Missed call");
  expect(alice.sent("CANCEL")).toBe(1);
  // And the next call is as good as any.
  await connect(alice, bob);
  await Promise.all([alice.hears(), bob.hears()]);
});

test("the called one declines", async ({ phone }) => {
  const [alice, bob] = await Promise.all([phone("alice"), phone("bob")]);
  await alice.dial("bob");
  await bob.rings("alice");
  await bob.by("reject").click();
  await alice.seesEnd("Busy");
  await expect(bob.by("incoming")).toBeHidden();
  await bob.seesEnd("Declined");
});

test("a second caller comes to somebody who is talking", async ({ phone }) => {
  const [alice, bob, carol] = await Promise.all([phone("alice"), phone("bob"), phone("carol")]);
  await connect(alice, bob);
  await Promise.all([alice.hears(), bob.hears()]);

  // To answer puts the first call on hold.
  await carol.dial("bob");
  await bob.rings("carol");
  await bob.by("answer").click();
  await carol.sees("established");
  await expect(bob.by("remote-party")).toContainText("carol");
  await expect(bob.by("other-calls")).toContainText("alice");
  await expect(alice.by("call-state")).toHaveText("You are on hold");
  await Promise.all([carol.hears(), bob.hears(1), alice.hearsNothing({ packets: true })]);

  // To switch holds the one and resumes the other.
  await bob.by("other-calls").getByRole("button", { name: "Switch" }).click();
  await expect(bob.by("remote-party")).toContainText("alice");
  await expect(carol.by("call-state")).toHaveText("You are on hold");
  await Promise.all([alice.hears(), bob.hears(0), carol.hearsNothing({ packets: true })]);

  // The end of the one in front leaves the other.
  await alice.by("hangup").click();
  await alice.seesEnd("Call ended");
  await expect(bob.by("remote-party")).toContainText("carol");
  await bob.by("hangup").click();
  await carol.seesEnd("Call ended");
  await bob.seesEnd("Call ended");
});

test("two callers come at once", async ({ phone }) => {
  const [alice, bob, carol] = await Promise.all([phone("alice"), phone("bob"), phone("carol")]);
  await alice.dial("bob");
  await bob.rings("alice");
  await carol.dial("bob");
  await expect(bob.by("incoming")).toContainText("And 1 more: carol");
  await bob.by("answer").click();
  await alice.sees("established");
  await bob.rings("carol");
  await bob.by("reject").click();
  await carol.seesEnd("Busy");
  await Promise.all([alice.hears(), bob.hears(0)]);
  await bob.by("hangup").click();
  await alice.seesEnd("Call ended");
});

test("nobody is there", async ({ phone }) => {
  const alice = await phone("alice");
  await alice.dial("nobody");
  await alice.seesEnd(/^(Nobody has this address|Not available at the moment)$/);
});

test("who signs out is no longer reached", async ({ phone }) => {
  // Somebody who has been nowhere else before: a page that is closed may leave a binding behind.
  const [alice, dave] = await Promise.all([phone("alice"), phone("dave")]);
  await dave.by("sign-out").click();
  await expect(dave.by("sign-in")).toBeVisible();
  await alice.dial("dave");
  await alice.seesEnd("Not available at the moment");
});

test("browsers that use loopback addresses talk", async ({ phone }) => {
  const browser = await launchWithLoopback();
  try {
    const [alice, bob] = await Promise.all([phone("alice", browser), phone("bob", browser)]);
    await connect(alice, bob);
    await Promise.all([alice.hears(), bob.hears()]);
    await alice.by("hangup").click();
    await bob.seesEnd("Call ended");
  } finally {
    await browser.close();
  }
});
