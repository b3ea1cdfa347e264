import { expect, test } from "../harness/test.js";

test("an ICE restart keeps the sound, on another path", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob, { video: true });
  await Promise.all([alice.hears(), bob.hears(), bob.sees()]);
  const before = await alice.run(async () => (await window.call.stats())?.localCandidate);
  await alice.run(() => window.call.renegotiate({ iceRestart: true }));
  await alice.phone.page.waitForFunction(
    async (before) => (await window.call.stats())?.localCandidate !== before,
    before,
  );
  await Promise.all([alice.hears(), bob.hears(), bob.sees()]);
  await bob.run(() => window.call.renegotiate({ iceRestart: true }));
  await Promise.all([alice.hears(), bob.hears(), bob.sees()]);
});

test("media that failed is told and restarted; nobody hangs up", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.canFail();
  await alice.talksTo(bob);
  await Promise.all([alice.hears(), bob.hears()]);
  const invites = alice.phone.sent("INVITE");
  await alice.fail();
  await alice.isTold("no path for the sound was found, or it was lost");
  await expect.poll(() => alice.phone.sent("INVITE")).toBe(invites + 1);
  await Promise.all([alice.hears(), bob.hears()]);
  expect(alice.phone.sent("BYE") + bob.phone.sent("BYE")).toBe(0);
});

test("of two phones that ring with early media one answers, and is heard", async ({ talker }) => {
  const [alice, desk, mobile] = await Promise.all([talker("alice"), talker("bob"), talker("bob")]);
  await alice.dial("bob");
  await Promise.all([desk.rings(), mobile.rings()]);
  await desk.run(() => window.call.ring({ earlyMedia: true }));
  await alice.hears();
  await mobile.run(() => window.call.ring({ earlyMedia: true }));
  await alice.hears();
  await mobile.answer();
  await alice.run(() => window.call.established);
  await desk.run(() => window.call.ended);
  await Promise.all([alice.hears(), mobile.hears()]);
  await mobile.run(() => window.call.hangup());
  expect(await alice.run(async () => (await window.call.ended).by)).toBe("remote");
});
