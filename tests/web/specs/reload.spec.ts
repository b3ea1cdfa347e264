import { expect, test } from "../harness/test.js";

for (const { host, beside } of [
  { host: "page", beside: false },
  { host: "worker", beside: false },
  { host: "shared-worker", beside: false },
  { host: "shared-worker", beside: true },
] as const) {
  const where = `the agent in ${host === "page" ? "the page" : `a ${host}`}${beside ? " and another tab" : ""}`;
  test(`a page that is loaded anew in a call goes on with it, with ${where}`, async ({ talker, tab }) => {
    const [alice, bob] = await Promise.all([talker("alice", {}, { host, keepCalls: true }), talker("bob")]);
    if (beside) await tab(alice, {}, { host, keepCalls: true });
    await alice.talksTo(bob);
    await Promise.all([alice.hears(), bob.hears()]);
    const before = await alice.run(() => ({ callId: window.call.callId, at: window.call.history.at(-1)?.at ?? 0 }));
    await alice.reload();
    expect(await alice.run(() => ({ callId: window.call?.callId, state: window.call?.state }))).toEqual({
      callId: before.callId,
      state: "established",
    });
    await alice.run(() => window.call.pickUp());
    await Promise.all([alice.hears(), bob.hears()]);
    expect(await bob.run(() => window.call.callId)).toBe(before.callId);
    // It has been as long as it has been.
    expect(await alice.run(() => window.call.history.find(({ state }) => state === "established")?.at)).toBe(before.at);
    // And it is a call like any other, from either side.
    await bob.run(() => window.call.hold());
    await alice.isTold("hold false true");
    await bob.run(() => window.call.resume());
    await alice.run(() => window.call.hold());
    await bob.isTold("hold false true");
    await alice.run(() => window.call.resume());
    await Promise.all([alice.hears(), bob.hears()]);
    await bob.run(() => window.call.hangup());
    await alice.run(() => window.call.ended);
    expect(await alice.run(() => sessionStorage.length), "nothing is kept").toBe(0);
  });
}

test("a call with video and data goes on after a reload, and twice", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice", {}, { keepCalls: true }), talker("bob")]);
  await alice.talksTo(bob, { video: true }, { video: true });
  await alice.run(async () => void (await window.call.openDataChannel("chat")));
  await Promise.all([alice.sees(), bob.sees()]);
  for (const video of [true, false]) {
    await alice.reload();
    await alice.phone.page.evaluate((video) => window.call.pickUp({ video }), video);
    await Promise.all([alice.hears(), bob.hears(), alice.sees()]);
    if (video) await bob.sees();
  }
  await alice.run(() => window.call.hangup());
  await bob.run(() => window.call.ended);
});

test("a call that ended while the page was loaded is not there", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice", {}, { keepCalls: true }), talker("bob")]);
  await alice.talksTo(bob);
  const { page } = alice.phone;
  const { url } = { url: page.url() };
  await page.goto("about:blank");
  await bob.phone.page.evaluate(() => void window.call.hangup());
  await page.goto(url);
  await alice.signIn();
  // Nobody knows before it is asked.
  const failed = await alice.run(() => window.call.pickUp().then(() => "picked up", () => "failed"));
  expect(failed).toBe("failed");
  await alice.run(() => window.call.ended);
  expect(await alice.run(() => window.ua.calls.length)).toBe(0);
});
