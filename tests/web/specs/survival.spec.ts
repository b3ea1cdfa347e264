import { freePort } from "../harness/ports.js";
import { Relay } from "../harness/relay.js";
import { type SipServer, startSwitchboard } from "../harness/servers.js";
import { Talker } from "../harness/talker.js";
import { expect, test as base } from "../harness/test.js";

/** What a busy machine may add to a time that is promised. */
const MARGIN = 3000;

/** Alice behind a wire that fails, and bob, in a call. */
const test = base.extend<{ relay: Relay; alice: Talker; bob: Talker }>({
  relay: async ({ server }, use) => {
    const relay = await Relay.to(server.ws);
    await use(relay);
    await relay.stop();
  },
  alice: async ({ browser, server, relay, phones }, use) => {
    const alice = await Talker.open(browser, { ...server, ws: relay.url }, "alice");
    phones.push(alice.phone);
    await use(alice);
  },
  bob: async ({ talker }, use) => use(await talker("bob")),
});

/** Both hear each other, and nobody has hung up. */
async function goesOn(alice: Talker, bob: Talker): Promise<void> {
  await Promise.all([alice.hears(), bob.hears()]);
  expect(alice.phone.sent("BYE") + bob.phone.sent("BYE")).toBe(0);
}

test("a socket that is cut: the call goes on, and the other side is told where we are", async ({ alice, bob, relay }) => {
  await alice.talksTo(bob);
  await goesOn(alice, bob);
  const invites = alice.phone.sent("INVITE");
  relay.cut();
  await alice.isTold("recovered");
  expect(alice.phone.sent("INVITE")).toBe(invites + 1);
  await goesOn(alice, bob);
  // Both directions of signalling work.
  await alice.run(() => window.call.hold());
  await bob.run(() => window.call.renegotiate());
  await alice.run(() => window.call.resume());
  await goesOn(alice, bob);
  await bob.run(() => window.call.hangup());
  expect(await alice.run(async () => (await window.call.ended).by)).toBe("remote");
});

test("what is wanted while there is no connection is done when there is one again", async ({ alice, bob, relay }) => {
  await alice.talksTo(bob);
  await goesOn(alice, bob);
  relay.away();
  await alice.phone.page.waitForFunction(() => window.ua.state !== "connected");
  await alice.run(() => {
    const note = (done: string) => (error?: unknown) => void window.told.push(error ? String(error) : done);
    window.call.hold().then(() => note("held")(), note("held"));
  });
  // Longer than a first try and a second.
  await alice.phone.page.waitForTimeout(4000);
  expect(await alice.run(() => window.told.includes("held"))).toBe(false);
  relay.back();
  await alice.isTold("held");
  await bob.phone.page.waitForFunction(() => window.call.onHold.remote);
  await alice.run(() => window.call.resume());
  await goesOn(alice, bob);
});

test("a server that is silent but connected is found by its missing pong", async ({ browser, server, relay, bob, phones }) => {
  const often = { keepAlive: 4000, pongTimeout: 2000 };
  const alice = await Talker.open(browser, { ...server, ws: relay.url }, "alice", {}, often);
  phones.push(alice.phone);
  await alice.talksTo(bob);
  // It is known to answer pings once it has answered one.
  await alice.phone.page.waitForTimeout(1500);
  relay.silence();
  const started = Date.now();
  await alice.isTold("disconnected");
  expect(Date.now() - started).toBeLessThan(often.keepAlive + often.pongTimeout + MARGIN);
  await alice.isTold("recovered");
  await goesOn(alice, bob);
});

test("it is found within five seconds when the page says that the network changed", async ({ alice, bob, relay }) => {
  await alice.talksTo(bob);
  await alice.phone.page.waitForTimeout(1500);
  relay.silence();
  const started = Date.now();
  await alice.run(() => void window.dispatchEvent(new Event("online")));
  await alice.isTold("disconnected");
  const took = Date.now() - started;
  expect(took).toBeGreaterThan(4500);
  expect(took).toBeLessThan(5000 + MARGIN);
  await alice.isTold("recovered");
  await goesOn(alice, bob);
});

test("it is found within ten seconds by whoever does something, which is done then", async ({ alice, bob, relay }) => {
  await alice.talksTo(bob);
  // Long enough for the silence to be one.
  await alice.phone.page.waitForTimeout(6000);
  relay.silence();
  const started = Date.now();
  await alice.run(() => window.call.hold());
  expect(Date.now() - started).toBeLessThan(10_000 + 2000 + MARGIN);
  await bob.phone.page.waitForFunction(() => window.call.onHold.remote);
  await alice.run(() => window.call.resume());
  await goesOn(alice, bob);
});

test("a page that is looked at again tries a lost connection at once", async ({ alice, relay }) => {
  relay.away();
  // The waits have grown by now.
  await alice.phone.page.waitForTimeout(9000);
  relay.back();
  const started = Date.now();
  await alice.run(() => void document.dispatchEvent(new Event("visibilitychange")));
  await alice.phone.page.waitForFunction(() => window.ua.state === "connected");
  await alice.phone.page.waitForFunction(() => window.ua.registration === "registered");
  expect(Date.now() - started).toBeLessThan(MARGIN);
});

test("media without a path get another when the connection is back", async ({ alice, bob, relay }) => {
  await alice.canFail();
  await alice.talksTo(bob);
  await goesOn(alice, bob);
  const before = await alice.run(async () => (await window.call.stats())?.localCandidate);
  relay.away();
  await alice.phone.page.waitForFunction(() => window.ua.state !== "connected");
  await alice.fail();
  await alice.isTold("no path for the sound was found, or it was lost");
  await alice.phone.page.waitForTimeout(3000);
  relay.back();
  await alice.isTold("recovered");
  await alice.phone.page.waitForFunction(
    async (before) => (await window.call.stats())?.localCandidate !== before,
    before,
  );
  await goesOn(alice, bob);
});

test("a server that is killed in a call and started again", async ({ browser, phones }) => {
  const fixed = { http: await freePort(), udp: await freePort(), secret: "the same after the restart" };
  let server: SipServer = await startSwitchboard(fixed);
  try {
    const [alice, bob] = await Promise.all(["alice", "bob"].map((user) => Talker.open(browser, server, user)));
    if (!alice || !bob) throw new Error("nobody is there");
    phones.push(alice.phone, bob.phone);
    await alice.talksTo(bob);
    await goesOn(alice, bob);
    await server.kill?.();
    await Promise.all([alice.isTold("disconnected"), bob.isTold("disconnected")]);
    // Sound needs no server.
    await goesOn(alice, bob);
    server = await startSwitchboard(fixed);
    await Promise.all([alice.isTold("recovered"), bob.isTold("recovered")]);
    await goesOn(alice, bob);
    await bob.run(() => window.call.hold());
    await alice.phone.page.waitForFunction(() => window.call.onHold.remote);
    await bob.run(() => window.call.resume());
    await goesOn(alice, bob);
    await alice.run(() => window.call.hangup());
    expect(await bob.run(async () => (await window.call.ended).by)).toBe("remote");
  } finally {
    await server.stop();
  }
});

test("of two servers the second is used while the first is away, also within a call", async ({ browser, server, relay, bob, phones }) => {
  const second = await Relay.to(server.ws);
  try {
    const servers = [relay.url, second.url];
    const alice = await Talker.open(browser, server, "alice", {}, { server: servers });
    phones.push(alice.phone);
    expect([relay.opened, second.opened]).toEqual([1, 0]);
    await alice.talksTo(bob);
    relay.away();
    await alice.isTold("recovered");
    expect(second.opened).toBe(1);
    await goesOn(alice, bob);
    await alice.run(() => window.call.hangup());
  } finally {
    await second.stop();
  }
});
