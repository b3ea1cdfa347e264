import { hearsLevel } from "../harness/levels.js";
import { Phone } from "../harness/phone.js";
import { expect, launchWithLoopback, test } from "../harness/test.js";
import { giveVoice, VOICES } from "../harness/voices.js";

test("sound goes to the native echo agent and comes back", async ({ phone, echo }) => {
  const alice = await phone("alice");
  const mark = echo.mark;
  await alice.by("echo-button").click();
  const tone = alice.hearsTone(440);
  await alice.sees("established");
  await tone;
  // Longer than the tone: what is heard now is our own beeping.
  await alice.hears();
  await alice.by("mute").click();
  await alice.hearsNothing({ packets: true });
  await alice.by("mute").click();
  await alice.hears();

  await alice.by("hangup").click();
  await alice.seesEnd("Call ended");
  const [, heard, sent] = await echo.hears(/^heard (\d+) packets, sent (\d+)$/, 5000, mark);
  expect(Number(heard)).toBeGreaterThan(50);
  expect(Number(sent)).toBeGreaterThan(50);
});

test("a tone is the same at the other end, by frequency and level, both ways", async ({ browser, server, echo, phones }) => {
  expect(echo.mark).toBeGreaterThan(0);
  const context = await browser.newContext();
  await giveVoice(context, "alice");
  const alice = await Phone.visit(context, server, "alice", "", {});
  phones.push(alice);
  await alice.signIn();
  await alice.by("echo-button").click();
  // From the native agent: its greeting.
  const greeting = hearsLevel(alice.page, 440, -20);
  await alice.sees("established");
  await greeting;
  // To it and back: a quarter of the loudest sine, of which the echo is 0.7.
  await hearsLevel(alice.page, VOICES.alice, 20 * Math.log10((0.25 * 0.7) / Math.SQRT2), 440);
  await alice.by("hangup").click();
  await alice.seesEnd("Call ended");
});

test("the echo agent is held, resumed, and hangs up when it hears #", async ({ phone, echo }) => {
  const alice = await phone("alice");
  const mark = echo.mark;
  await alice.by("echo-button").click();
  await alice.sees("established");
  await alice.hears();

  await alice.by("hold").click();
  await expect(alice.by("hold")).toHaveText("Resume");
  await expect(alice.by("call-state")).toHaveText("On hold");
  await alice.hearsNothing({ packets: false });
  await alice.by("hold").click();
  await expect(alice.by("hold")).toHaveText("Hold");
  await alice.hears();

  await alice.by("key-5").click();
  await alice.by("key-hash").click();
  await alice.seesEnd("Call ended");
  expect(alice.sent("BYE")).toBe(0);
  await echo.hears(/^call from .* is over$/, 5000, mark);
});

test("the echo agent talks to a browser that uses loopback addresses", async ({ phone, echo }) => {
  expect(echo.mark).toBeGreaterThan(0);
  const browser = await launchWithLoopback();
  try {
    const alice = await phone("alice", browser);
    await alice.by("echo-button").click();
    await alice.sees("established");
    await alice.hears();
    await alice.by("hangup").click();
    await alice.seesEnd("Call ended");
  } finally {
    await browser.close();
  }
});
