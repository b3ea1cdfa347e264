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
  // The browser says so only after half a minute without a path: here it is made to say it.
  await alice.run(() => {
    const { prototype } = RTCPeerConnection;
    const { get } = Object.getOwnPropertyDescriptor(prototype, "connectionState") ?? {};
    const { addEventListener } = prototype;
    let failed = false;
    Object.defineProperty(prototype, "connectionState", {
      get(this: RTCPeerConnection) {
        return failed ? "failed" : (get?.call(this) as RTCPeerConnectionState);
      },
    });
    prototype.addEventListener = function (this: RTCPeerConnection, ...args: Parameters<typeof addEventListener>) {
      addEventListener.apply(this, args);
      window.addEventListener("fail", () => {
        failed = true;
        if (args[0] === "connectionstatechange") this.dispatchEvent(new Event("connectionstatechange"));
        failed = false;
      });
    };
  });
  await alice.talksTo(bob);
  await Promise.all([alice.hears(), bob.hears()]);
  const invites = alice.phone.sent("INVITE");
  await alice.run(() => void window.dispatchEvent(new Event("fail")));
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
