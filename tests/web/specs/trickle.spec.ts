import type { Talker } from "../harness/talker.js";
import { expect, test } from "../harness/test.js";

/** How the other side's candidates came to be known, by kind. */
function remoteKinds(talker: Talker): Promise<string[]> {
  return talker.run(async () => {
    const kinds: string[] = [];
    (await window.call.stats())?.report?.forEach((stat: { type: string; candidateType?: string }) => {
      if (stat.type === "remote-candidate" && stat.candidateType) kinds.push(stat.candidateType);
    });
    return kinds;
  });
}

test("an answer does not wait for its candidates, which follow by INFO", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob", { gatheringTimeout: 0 })]);
  await alice.talksTo(bob);
  await Promise.all([alice.hears(), bob.hears()]);
  await expect.poll(() => bob.phone.sent("INFO")).toBeGreaterThan(0);
  // Told, not found out by the checks alone.
  await expect.poll(() => remoteKinds(alice)).toContain("host");
  const report = bob.phone.report();
  expect(report).toContain("Content-Type: application/trickle-ice-sdpfrag");
  expect(report).toContain("Info-Package: trickle-ice");
  // Another ICE session, from either side.
  await alice.run(() => window.call.renegotiate({ iceRestart: true }));
  await Promise.all([alice.hears(), bob.hears()]);
  await bob.run(() => window.call.renegotiate({ iceRestart: true }));
  await Promise.all([alice.hears(), bob.hears()]);
  await alice.run(() => window.call.hangup());
});

test("who cannot trickle is told everything in the descriptions", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice", {}, { trickle: false }), talker("bob")]);
  await bob.talksTo(alice);
  await Promise.all([alice.hears(), bob.hears()]);
  await alice.run(() => window.call.hangup());
  await alice.talksTo(bob);
  await Promise.all([alice.hears(), bob.hears()]);
  expect(alice.phone.sent("INFO") + bob.phone.sent("INFO")).toBe(0);
});
