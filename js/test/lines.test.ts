import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Lines, type LinesOptions } from "../src/lines/index.js";
import { type Call, type DialogSnapshot, type TransferRequest, UserAgent } from "../src/index.js";
import { type FakeAgent, refusal } from "./fake-agent.js";
import { fakeMedia } from "./fake-media.js";
import { FakeNetwork, type NetworkAgent } from "./fake-network.js";
import { at, connected, failureKind, pending, settle } from "./setup.js";

interface Telephone {
  ua: UserAgent;
  port: NetworkAgent;
}

async function telephone(network: FakeNetwork, user: string): Promise<Telephone> {
  const aor = `sip:${user}@example.com`;
  const port = network.agent(aor, user);
  const ua = await UserAgent.connect({ aor, server: "ws://example.com/ws", port: async () => port, media: fakeMedia() });
  return { ua, port };
}

/** Alice has lines; bob, carol and dave answer everybody. */
async function office(options?: LinesOptions): Promise<{ lines: Lines; others: Map<string, Telephone> }> {
  const network = new FakeNetwork();
  const alice = await telephone(network, "alice");
  const others = new Map<string, Telephone>();
  for (const user of ["bob", "carol", "dave"]) {
    const other = await telephone(network, user);
    other.ua.on("incoming", ({ call }) => void call.answer());
    others.set(user, other);
  }
  return { lines: new Lines(alice.ua, options), others };
}

async function talk(lines: Lines, user: string): Promise<Call> {
  const call = await lines.call(user);
  await call.established;
  return call;
}

const holds = (calls: readonly Call[]): boolean[] => calls.map((call) => call.onHold.local);

/** Somebody calls alice, who is told. */
async function ringing(lines: Lines, from: Telephone): Promise<Call> {
  const arriving = new Promise<Call>((resolve) => lines.on("incoming", ({ call }) => resolve(call), { once: true }));
  await from.ua.call("alice");
  return arriving;
}

describe("lines", () => {
  it("hold who is talked to before another is called, and swap", async () => {
    const { lines } = await office();
    const bob = await talk(lines, "bob");
    const carol = await talk(lines, "carol");
    assert.deepEqual(holds([bob, carol]), [true, false]);
    assert.equal(lines.current, carol);
    assert.deepEqual(lines.others, [bob]);
    await lines.swap();
    assert.deepEqual(holds([bob, carol]), [false, true]);
    assert.equal(lines.current, bob);
    await lines.swap(carol);
    assert.deepEqual(holds([bob, carol]), [true, false]);
  });

  it("call nobody where the hold is refused", async () => {
    const { lines, others } = await office();
    const bob = await talk(lines, "bob");
    const far = at([...others.values()], 0);
    far.port.refuseReoffer = refusal(488, "Not Acceptable Here");
    assert.equal(await failureKind(lines.call("carol")), "status");
    assert.deepEqual(lines.calls, [bob]);
    assert.equal(lines.current, bob);
    assert.equal(bob.onHold.local, false);
  });

  it("let a call wait, and answer it in the place of the other", async () => {
    const { lines, others } = await office();
    const bob = await talk(lines, "bob");
    const told: boolean[] = [];
    lines.on("incoming", ({ waiting }) => told.push(waiting));
    const carol = await ringing(lines, at([...others.values()], 1));
    assert.deepEqual(told, [true]);
    assert.deepEqual(lines.ringing, [carol]);
    assert.equal(lines.current, bob, "what rings is not in front");
    await lines.answer(carol);
    assert.equal(lines.current, carol);
    assert.deepEqual(holds([bob, carol]), [true, false]);
    await carol.hangup();
    assert.equal(lines.current, bob, "the one before is in front again");
    assert.equal(bob.onHold.local, true, "and still on hold");
    assert.deepEqual(lines.calls, [bob]);
  });

  it("are busy to a second call where none may wait", async () => {
    const { lines, others } = await office({ callWaiting: false });
    await talk(lines, "bob");
    const carol = at([...others.values()], 1);
    const refused = await carol.ua.call("alice");
    assert.equal((await refused.ended).status, 486);
    assert.equal(lines.calls.length, 1);
  });

  it("do what was asked for at a time one after the other", async () => {
    const { lines } = await office();
    const bob = await talk(lines, "bob");
    const carol = await talk(lines, "carol");
    const dave = await talk(lines, "dave");
    await Promise.all([lines.swap(bob), lines.swap(carol), lines.swap(dave), lines.swap(carol)]);
    assert.deepEqual(holds([bob, carol, dave]), [true, false, true]);
  });

  it("take care of the calls there are, and leave them alone when closed", async () => {
    const { lines } = await office();
    const bob = await talk(lines, "bob");
    const second = new Lines(lines.agent);
    assert.deepEqual([second.calls, second.current], [[bob], bob]);
    await second.close();
    assert.deepEqual(second.calls, []);
    assert.equal(bob.state, "established");
  });

  it("tell what is worth a new picture", async () => {
    const { lines } = await office();
    const bob = await talk(lines, "bob");
    let changes = 0;
    const ended: string[] = [];
    lines.on("change", () => changes++);
    lines.on("ended", ({ end }) => ended.push(end.by));
    lines.mute();
    assert.equal(lines.muted, true);
    assert.ok(changes > 0);
    await bob.hangup();
    assert.deepEqual(ended, ["local"]);
    assert.equal(lines.current, null);
  });

  it("need two established calls to merge", async () => {
    const { lines } = await office();
    await talk(lines, "bob");
    assert.equal(await failureKind(lines.merge()), "state");
  });
});

describe("transfers of lines", () => {
  async function inCall(): Promise<Awaited<ReturnType<typeof connected>> & { lines: Lines; call: Call }> {
    const world = await connected();
    const { agent, ua } = world;
    const send = agent.send.bind(agent);
    agent.send = (command) => {
      send(command);
      if (command.type === "hold" || command.type === "resume") agent.result(command, { sdp: "answer" });
      if (command.type === "hangup") {
        agent.result(command);
        agent.ended(command.call, { by: "local" });
      }
    };
    const lines = new Lines(ua);
    const call = await lines.call("bob");
    agent.establish(1);
    await call.established;
    return { ...world, lines, call };
  }
  const done = (error: ReturnType<typeof refusal> | null) =>
    ({ type: "transferDone", transfer: 7, status: error ? 486 : 200, reason: error ? "Busy Here" : "OK", error, at: 0 }) as const;

  it("hold who is handed over without a word, and take them back where it fails", async () => {
    const { agent, lines, call } = await inCall();
    const outcome = lines.transfer(call, "carol");
    await agent.command("transfer");
    assert.equal(call.onHold.local, true);
    agent.notify(done(refusal(486, "Busy Here")));
    assert.equal(await failureKind(outcome), "status");
    assert.equal(call.onHold.local, false);
  });

  it("are one promise with a word before: hold, call, confirm, transfer", async () => {
    const { agent, lines, call } = await inCall();
    let confirm: (yes: boolean) => void = () => undefined;
    const asked: string[] = [];
    const outcome = lines.transferAttended(call, "carol", {
      confirm: (consultation) => {
        asked.push(consultation.remote.uri);
        return new Promise((resolve) => (confirm = resolve));
      },
    });
    await agent.command("call", 2);
    assert.equal(call.onHold.local, true);
    await settle();
    agent.establish(2);
    await settle();
    assert.deepEqual(asked, ["sip:carol@example.com"]);
    assert.equal(agent.sent("transferTo").length, 0, "not before it is confirmed");
    confirm(true);
    const { other } = await agent.command("transferTo");
    assert.equal(other, 2);
    assert.ok(await pending(outcome), "asked for is not done");
    agent.notify(done(null));
    assert.deepEqual(await outcome, { status: 200, reason: "OK" });
  });

  it("resume the call and hang up the target where it is taken back", async () => {
    const { agent, lines, call } = await inCall();
    const outcome = lines.transferAttended(call, "carol", { confirm: () => false });
    await agent.command("call", 2);
    await settle();
    agent.establish(2);
    assert.equal(await failureKind(outcome), "cancelled");
    assert.deepEqual(agent.sent("hangup").map((command) => command.call), [2]);
    assert.deepEqual([lines.current, call.onHold.local], [call, false]);
  });

  it("resume the call where the target does not answer", async () => {
    const { agent, lines, call } = await inCall();
    const outcome = lines.transferAttended(call, "carol");
    await agent.command("call", 2);
    await settle();
    agent.ended(2, { status: 486, reason: "Busy Here" });
    assert.equal(await failureKind(outcome), "status");
    assert.deepEqual([lines.current, call.onHold.local], [call, false]);
  });

  it("answer by itself what takes the place of a call", async () => {
    const { agent, lines, call } = await inCall();
    agent.incoming(5, { replaces: 1 });
    const { call: answered } = await agent.command("answer");
    assert.equal(answered, 5);
    agent.state(5, "established");
    agent.ended(1, { reason: "replaced" });
    await settle();
    assert.equal(call.state, "ended");
    assert.equal(lines.current?.callId, "call-5");
    assert.equal(lines.calls.length, 1);
  });

  it("answer by itself who picks up a call somewhere else, but not who takes the place of one that rings here", async () => {
    const { agent, ua } = await connected();
    const lines = new Lines(ua);
    await lines.call("carol");
    agent.state(1, "ringing");
    agent.incoming(5, { replaces: 1 });
    assert.equal((await agent.command("answer")).call, 5);
    agent.incoming(6);
    agent.incoming(7, { replaces: 6 });
    await settle();
    assert.deepEqual(agent.sent("answer").map(({ call }) => call), [5]);
  });

  it("follow a request: the new call is in front", async () => {
    const { agent, ua, lines, call } = await inCall();
    const asked = new Promise<TransferRequest>((resolve) => ua.onTransferRequest(resolve));
    const nobody = { displayName: null, uri: "sip:carol@example.com" };
    agent.notify({ type: "transferRequest", transfer: 9, call: 1, from: nobody, target: nobody, referredBy: null, replaces: false, headers: [], at: 0 });
    const made = await lines.follow(await asked);
    assert.equal(lines.current, made);
    assert.equal(call.onHold.local, false, "the other side hangs the old one up");
  });
});

describe("watching others", () => {
  it("keeps a subscription up and tries again after a refusal", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const { watchMessages } = await import("../src/lines/index.js");
    const { agent, ua } = await connected();
    const watch = watchMessages(ua, undefined, { retry: 5000 });
    const told: (boolean | null)[] = [];
    watch.on("messages", ({ summary }) => told.push(summary.waiting));
    watch.on("lost", () => told.push(null));
    const { target, event } = await agent.command("subscribe");
    assert.deepEqual([target, event], ["sip:alice@example.com", "message-summary"]);
    await Promise.resolve();
    await settle();
    const error = refusal(403, "Forbidden");
    agent.notify({ type: "subscriptionEnded", subscription: 1, end: { by: "remote", reason: "403", retryAfter: null, error }, at: 0 });
    assert.deepEqual(told, [null]);
    assert.equal(agent.sent("subscribe").length, 1);
    test.mock.timers.tick(5000);
    await agent.command("subscribe", 2);
    await settle();
    const summary = { waiting: true, account: null, counts: [{ class: "Voice-Message", new: 2, old: 1 }] };
    agent.notify({ type: "notice", subscription: 2, package: "message-summary", state: "active", contentType: "application/simple-message-summary", body: "", summary, at: 0 });
    assert.deepEqual(told, [null, true]);
    assert.equal(watch.summary?.counts[0]?.new, 2);
    agent.notify({ type: "unsolicited", from: { displayName: null, uri: "sip:server" }, package: "message-summary", contentType: "", body: "", summary: { ...summary, waiting: false }, at: 0 });
    assert.deepEqual(told, [null, true, false]);
    await watch.close();
    assert.equal(agent.sent("unsubscribe").length, 1);
  });
});

/** Somebody subscribes. */
function ask(agent: FakeAgent, subscription: number, user: string, what: string): void {
  agent.notify({
    type: "incomingSubscription",
    subscription,
    call: null,
    from: { displayName: null, uri: `sip:${user}@example.com` },
    to: { displayName: null, uri: "sip:alice@example.com" },
    package: what,
    event: what,
    expires: 600,
    contentType: "",
    body: "",
    headers: [],
    at: 0,
  });
}

describe("announcing", () => {
  it("tells those who may know, whenever it changes, and refuses others", async () => {
    const { Announcer } = await import("../src/lines/index.js");
    const { agent, ua } = await connected();
    const lines = new Lines(ua);
    const announcer = new Announcer(lines, { allow: ({ uri }) => uri.startsWith("sip:bob@") });
    ask(agent, 20, "mallory", "presence");
    assert.equal((await agent.command("rejectSubscription")).status, 403);
    ask(agent, 21, "bob", "presence");
    assert.match((await agent.command("acceptSubscription")).body ?? "", /<basic>open<\/basic>/);
    ask(agent, 22, "bob", "dialog");
    assert.match((await agent.command("acceptSubscription", 2)).body ?? "", /version="0" state="full" entity="sip:alice@example.com"><\/dialog-info>/);
    await settle();
    assert.deepEqual(announcer.watchers.map(({ uri }) => uri), ["sip:bob@example.com", "sip:bob@example.com"]);

    await lines.call("carol");
    agent.establish(1);
    agent.incoming(7);
    agent.state(7, "ringing");
    await settle();
    const bodies = agent.sent("notify").map(({ subscription, body }) => [subscription, body] as const);
    const last = (subscription: number): string => bodies.filter(([to]) => to === subscription).at(-1)?.[1] ?? "";
    assert.match(last(21), /<rpid:on-the-phone\/>/);
    assert.match(last(22), /<state>confirmed<\/state>.*sip:carol@example.com.*<state>early<\/state>/);
    assert.doesNotMatch(last(22), /-tag=/, "with the tags others could take the calls");
    assert.equal(agent.sent("inspectDialogs").length, 0);
    await announcer.close();
    assert.equal(agent.sent("terminateSubscription").length, 2);
  });

  it("tells those who may pick up what rings what that takes, and no more to those who may not any more", async () => {
    const { Announcer } = await import("../src/lines/index.js");
    const { agent, ua } = await connected();
    agent.manual.add("inspectDialogs");
    const lines = new Lines(ua);
    let allowed: boolean | "pickup" = "pickup";
    const announcer = new Announcer(lines, { allow: () => allowed });
    ask(agent, 22, "bob", "dialog");
    await agent.command("acceptSubscription");
    await settle();

    agent.incoming(7);
    agent.state(7, "ringing");
    const dialogs = [{ call: 7, callId: "call-7", localTag: "ours", remoteTag: "theirs" }] as DialogSnapshot[];
    agent.result(await agent.command("inspectDialogs"), { dialogs });
    const named = / call-id="call-7" local-tag="ours" remote-tag="theirs" direction="recipient"><state>early</;
    assert.match((await agent.command("notify")).body, named);
    agent.state(7, "answered");
    assert.doesNotMatch((await agent.command("notify", 2)).body, /-tag=/, "it does not ring any more");
    allowed = false;
    announcer.set({});
    assert.equal((await agent.command("terminateSubscription")).reason, "rejected");
    assert.deepEqual(announcer.watchers, []);
  });
});
