import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Call, CallEvents, UserAgentEvents } from "../src/index.js";
import { refusal } from "./fake-agent.js";
import { FakeWorker, type Page } from "./fake-worker.js";
import { at, failure, pending, settle } from "./setup.js";

const up = { type: "transport", state: "connected", message: null, at: 0 } as const;
const registered = { type: "registration", state: "registered", expires: 300, error: null, at: 0 } as const;

/** Two pages that share an agent, each with what it was told of a call that rings. */
async function ringing(): Promise<{ worker: FakeWorker; pages: [Page, Page]; calls: [Call, Call] }> {
  const worker = new FakeWorker();
  const pages: [Page, Page] = [await worker.page(), await worker.page()];
  worker.agent.incoming(11);
  await settle();
  const calls = pages.map(({ ua }) => at(ua.calls, 0)) as [Call, Call];
  return { worker, pages, calls };
}

describe("an agent in a worker", () => {
  it("carries commands there and notifications back", async () => {
    const worker = new FakeWorker();
    const { ua } = await worker.page({ host: "worker", password: "secret" });
    assert.deepEqual(worker.configs, [{ aor: "sip:alice@example.com", server: "ws://example.com/ws", password: "secret" }]);
    const call = await ua.call("bob");
    worker.agent.establish(1);
    await call.established;
    const holding = call.hold();
    worker.agent.refuse(await worker.agent.command("hold"), refusal(488, "Not Acceptable Here"));
    assert.equal((await failure(holding)).status, 488);
  });

  it("tells that it is lost, and ends the calls", async () => {
    const worker = new FakeWorker();
    const { ua, media } = await worker.page({ host: "worker" });
    const call = await ua.call("bob");
    const stopped = new Promise<UserAgentEvents["stopped"]>((resolve) => ua.on("stopped", resolve));
    worker.hub.crash("unreachable");
    const { error } = await stopped;
    assert.equal(error?.kind, "transport");
    assert.match(error?.message ?? "", /unreachable/);
    const end = await call.ended;
    assert.equal(end.by, "network");
    assert.deepEqual(end.error, error?.detail);
    assert.equal((await failure(call.established)).kind, "transport");
    assert.equal((await failure(ua.register())).kind, "transport");
    assert.ok(at(media, 0).closed);
    assert.equal(ua.state, "stopped");
  });

  it("serves anew after that", async () => {
    const worker = new FakeWorker();
    await worker.page({ host: "worker" });
    worker.hub.crash("unreachable");
    const { ua } = await worker.page({ host: "worker" });
    await ua.call("bob");
    assert.equal(worker.agents.length, 2);
  });
});

describe("tabs that share an agent", () => {
  it("start it once, and hear how it is", async () => {
    const worker = new FakeWorker();
    const first = await worker.page();
    worker.agent.notify(up);
    await first.ua.register();
    worker.agent.notify(registered);
    const { ua } = await worker.page({ password: "another" });
    assert.equal(ua.state, "connected");
    assert.equal(ua.registration, "registered");
    assert.deepEqual(await ua.register(), { expires: 300 });
    assert.equal(worker.agent.sent("connect").length, 1);
    assert.equal(worker.agent.sent("register").length, 1);
    await ua.register();
    assert.equal(worker.agent.sent("register").length, 2);
  });

  it("are refused with other options", async () => {
    const worker = new FakeWorker();
    await worker.page();
    const error = await failure(worker.page({ server: "ws://example.com/other", expires: 60 }));
    assert.equal(error.kind, "state");
    assert.equal(error.message, "other tabs share an agent with other options: server, expires");
  });

  it("have their answers and their calls to themselves", async () => {
    const worker = new FakeWorker();
    const [one, two] = [await worker.page(), await worker.page()];
    const [mine, other] = [await one.ua.call("bob"), await two.ua.call("carol")];
    assert.deepEqual([mine.callId, other.callId], ["call-1", "call-2"]);
    worker.agent.establish(1);
    await mine.established;
    assert.equal(other.state, "calling");
    assert.deepEqual([one.ua.calls.length, two.ua.calls.length], [1, 1]);
    assert.deepEqual(worker.agent.commands.map(({ id }) => id), [1, 2, 3, 4], "numbers of the worker's own");
  });

  it("ring all, and one answers", async () => {
    const { worker, pages, calls } = await ringing();
    const [answered, elsewhere] = calls;
    const ended = new Promise<CallEvents["ended"]>((resolve) => elsewhere.on("ended", resolve));
    const established = failure(elsewhere.established);
    await answered.answer();
    const { end } = await ended;
    assert.deepEqual(
      [end.by, end.reason, end.cause],
      ["local", "answered elsewhere", { protocol: "SIP", cause: 200, text: "Call completed elsewhere" }],
    );
    assert.equal((await established).message, "answered elsewhere");
    await elsewhere.hangup();
    assert.equal(worker.agent.sent("hangup").length, 0, "it is over there, not here");
    worker.agent.establish(11);
    await answered.established;
    assert.equal(pages[1].ua.calls.length, 0);
  });

  it("answer at once: the first has it", async () => {
    const { worker, calls } = await ringing();
    const [one, two] = await Promise.allSettled(calls.map((call) => call.answer()));
    assert.equal(one?.status, "fulfilled");
    assert.equal(two?.status, "rejected");
    assert.equal(worker.agent.sent("answer").length, 1);
  });

  it("decline for all", async () => {
    const { worker, calls } = await ringing();
    await Promise.all([worker.agent.command("reject").then((command) => worker.agent.result(command)), calls[0].reject(603)]);
    worker.agent.ended(11, { by: "local", status: 603, reason: "Decline" });
    assert.deepEqual((await Promise.all(calls.map((call) => call.ended))).map(({ status }) => status), [603, 603]);
  });

  it("hear of a call that rings already", async () => {
    const { worker, calls } = await ringing();
    const { ua } = await worker.page();
    const late = at(ua.calls, 0);
    assert.equal(late.callId, calls[0].callId);
    await late.answer();
    assert.deepEqual((await Promise.all(calls.map((call) => call.ended))).map(({ reason }) => reason), Array(2).fill("answered elsewhere"));
    assert.equal((await worker.page()).ua.calls.length, 0, "nobody else hears of it any more");
  });

  it("tell only the one whose call it is of what takes its place", async () => {
    const { worker, pages, calls } = await ringing();
    await calls[0].answer();
    worker.agent.incoming(12, { replaces: 11 });
    await settle();
    assert.equal(at(pages[0].ua.calls, 1).replaces, calls[0]);
    assert.equal(pages[1].ua.calls.length, 0);
  });

  it("take their calls with them when they go", async () => {
    const { worker, pages, calls } = await ringing();
    const outgoing = await pages[1].ua.call("carol");
    await calls[0].answer();
    await pages[0].ua.subscribe("bob", "presence");
    pages[0].vanish();
    assert.equal((await worker.agent.command("hangup")).call, 11);
    await worker.agent.command("unsubscribe");
    await settle();
    assert.equal(worker.agent.sent("hangup").length, 1);
    assert.equal(outgoing.state, "calling");
    assert.equal(worker.agent.sent("shutdown").length, 0);
    // A call that rings rings on in the others.
    worker.agent.incoming(13);
    await settle();
    assert.equal(pages[1].ua.calls.length, 2);
  });

  it("end a call that came about after its tab had gone", async () => {
    const worker = new FakeWorker();
    const [one] = [await worker.page(), await worker.page()];
    worker.agent.manual.add("call");
    one.ua.call("bob").catch(() => undefined);
    const command = await worker.agent.command("call");
    one.vanish();
    await settle();
    worker.agent.result(command, { call: 5, callId: "late" });
    assert.equal((await worker.agent.command("hangup")).call, 5);
  });

  it("stop the agent with the last of them, and start another then", async () => {
    const worker = new FakeWorker();
    const [one, two] = [await worker.page(), await worker.page()];
    const call = await one.ua.call("bob");
    const stopped = one.ua.shutdown();
    const hangup = await worker.agent.command("hangup");
    worker.agent.ended(1, { by: "local" });
    worker.agent.result(hangup);
    await stopped;
    await call.ended;
    assert.equal(one.ua.state, "stopped");
    assert.equal(worker.agent.sent("shutdown").length, 0);
    const first = worker.agent;
    two.vanish();
    await first.command("shutdown");
    const next = worker.page();
    assert.ok(await pending(next), "it waits until the other is down");
    first.notify({ type: "stopped", at: 0 });
    await next;
    assert.ok(first.closed);
    assert.equal(worker.agents.length, 2);
  });

  it("ask for credentials everywhere, and take the first", async () => {
    const worker = new FakeWorker();
    const asked: string[] = [];
    await worker.page({ credentials: ({ realm }) => (asked.push(`one ${realm}`), null) });
    await worker.page({ credentials: ({ realm }) => (asked.push(`two ${realm}`), { password: "secret" }) });
    const question = { query: 1, realm: "example.com", proxy: false, schemes: ["Digest" as const], algorithms: ["MD5"] };
    const why = { authzServer: null, scope: null, why: "first" as const, at: 0 };
    worker.agent.notify({ type: "credentialsNeeded", ...question, ...why });
    assert.equal((await worker.agent.command("credentials")).password, "secret");
    await settle();
    assert.deepEqual(asked, ["one example.com", "two example.com"]);
    assert.equal(worker.agent.sent("credentials").length, 1);
  });

  it("refuse a transfer that comes outside of calls only if none accepts it", async () => {
    const worker = new FakeWorker();
    await worker.page();
    const two = await worker.page();
    const call = new Promise<Call>((resolve) => two.ua.onTransferRequest((request) => resolve(request.accept())));
    const bob = { displayName: null, uri: "sip:bob@example.com" };
    const request = { transfer: 3, call: null, from: bob, target: bob, referredBy: null, replaces: false, headers: [] };
    worker.agent.notify({ type: "transferRequest", ...request, at: 0 });
    await call;
    assert.equal(two.ua.calls.length, 1);
    assert.equal(worker.agent.sent("rejectTransfer").length, 0);
  });
});
