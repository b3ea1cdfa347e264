import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { OffhookError, UserAgent } from "../src/index.js";
import { GRACE } from "../src/host/orphans.js";
import { FakeAgent, refusal, savedCall } from "./fake-agent.js";
import { fakeMedia, type FakeMedia } from "./fake-media.js";
import { FakeWorker } from "./fake-worker.js";
import { at, failure, settle } from "./setup.js";

const KEY = "offhook calls sip:alice@example.com";

/** What the tab keeps, by key. */
let stored: Map<string, string>;

beforeEach(() => {
  stored = new Map();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.assign(globalThis, { sessionStorage: storage });
});
afterEach(() => Reflect.deleteProperty(globalThis, "sessionStorage"));

/** The page as it is loaded anew. */
async function loaded(prepare?: (agent: FakeAgent) => void): Promise<{ ua: UserAgent; agent: FakeAgent; media: FakeMedia[] }> {
  const agent = new FakeAgent();
  prepare?.(agent);
  const media = fakeMedia();
  const account = { aor: "sip:alice@example.com", server: "ws://example.com/ws" };
  const ua = await UserAgent.connect({ ...account, keepCalls: true, port: async () => agent, media });
  return { ua, agent, media: media.made };
}

function kept(): string[] {
  const { calls } = JSON.parse(stored.get(KEY) ?? '{"calls":[]}') as { calls: { callId: string }[] };
  return calls.map(({ callId }) => callId);
}

/** A page with an established call that is kept. */
async function inCall(): Promise<Awaited<ReturnType<typeof loaded>>> {
  const page = await loaded();
  await page.ua.call("bob");
  page.agent.establish(1);
  page.agent.notify({ type: "saved", call: 1, saved: savedCall("call-1") });
  return page;
}

describe("a page that is loaded anew", () => {
  it("has its calls as they were, and picks them up", async () => {
    await inCall();
    const { ua, agent, media } = await loaded();
    assert.deepEqual(at(agent.sent("restoreCall"), 0).saved, savedCall("call-1"));
    const call = at(ua.restored, 0);
    assert.deepEqual(ua.calls, [call]);
    assert.deepEqual([call.state, call.callId, call.remote.displayName], ["established", "call-1", "Bob"]);
    assert.deepEqual(call.history, [{ at: 5, state: "established", cause: "restored" }]);
    await call.established;
    assert.equal(media.length, 0, "nothing is opened before it is asked for");
    const picked = call.pickUp({ video: true });
    const { sdp } = await agent.command("renegotiate");
    assert.equal(sdp, "offer");
    agent.result(at(agent.sent("renegotiate"), 0), { sdp: "answer" });
    await picked;
    assert.deepEqual(at(media, 0).request, { direction: "outgoing", audio: undefined, video: true, streams: ["audio"] });
    await call.pickUp();
    assert.equal(media.length, 1, "once");
    const holding = call.hold();
    agent.result(await agent.command("hold"), { sdp: "answer" });
    await holding;
  });

  it("may try again when the other side refuses", async () => {
    await inCall();
    const { ua, agent, media } = await loaded();
    const call = at(ua.restored, 0);
    const picked = failure(call.pickUp());
    agent.refuse(await agent.command("renegotiate"), refusal(488, "Not Acceptable Here"));
    assert.equal((await picked).status, 488);
    assert.ok(at(media, 0).closed);
    const again = call.pickUp();
    agent.result(await agent.command("renegotiate", 2), { sdp: "answer" });
    await again;
  });

  it("forgets a call that cannot go on", async () => {
    await inCall();
    const { ua } = await loaded((agent) => {
      agent.manual.add("restoreCall");
      void agent.command("restoreCall").then((command) => agent.refuse(command, { kind: "state", message: "the session has expired" }));
    });
    assert.deepEqual([ua.restored.length, kept()], [0, []]);
  });

  it("does not read what it did not write", async () => {
    for (const text of ["", "{", "null", '{"page":null}', '{"page":null,"calls":7}', '{"page":null,"calls":[null]}']) {
      stored.set(KEY, text);
      assert.equal((await loaded()).ua.restored.length, 0, text);
    }
  });
});

describe("a call that is over", () => {
  it("is kept no more", async () => {
    const { agent } = await inCall();
    assert.deepEqual(kept(), ["call-1"]);
    agent.ended(1);
    assert.deepEqual(kept(), []);
  });

  it("is kept no more when the user agent was shut down, but when it was lost", async () => {
    const { ua, agent } = await inCall();
    agent.onLost?.(new OffhookError({ kind: "transport", message: "the worker has ended" }));
    assert.equal(ua.state, "stopped");
    assert.deepEqual(kept(), ["call-1"]);
    const next = await loaded();
    await next.ua.shutdown();
    assert.deepEqual(kept(), []);
  });

  it("is not offered to pick up where there is nothing to", async () => {
    const { ua, agent } = await loaded();
    agent.incoming(1);
    assert.equal((await failure(at(ua.calls, 0).pickUp())).kind, "state");
  });
});

describe("a tab that shares an agent", () => {
  const options = { keepCalls: true } as const;

  async function gone(): Promise<FakeWorker> {
    const worker = new FakeWorker();
    const page = await worker.page(options);
    await page.ua.call("bob");
    worker.agent.establish(1);
    worker.agent.notify({ type: "saved", call: 1, saved: savedCall("call-1") });
    await settle();
    page.vanish();
    await settle();
    return worker;
  }

  it("finds its call in the worker, with what happened meanwhile", async () => {
    const worker = await gone();
    assert.equal(worker.agent.sent("hangup").length + worker.agent.sent("shutdown").length, 0);
    const tones: string[] = [];
    worker.agent.notify({ type: "hold", call: 1, local: false, remote: true, at: 0 });
    const { ua } = await worker.page(options);
    const call = at(ua.restored, 0);
    call.on("info", ({ body }) => tones.push(body));
    worker.agent.notify({ type: "info", call: 1, package: null, contentType: "text/plain", body: "x", dtmf: null, at: 0 });
    await settle();
    assert.deepEqual(tones, ["x"]);
    assert.equal(worker.agent.sent("restoreCall").length, 0, "it never left");
    assert.equal(worker.agents.length, 1);
  });

  it("is told when it is over", async () => {
    const worker = await gone();
    worker.agent.ended(1);
    const { ua } = await worker.page(options);
    assert.equal(ua.restored.length, 0);
  });

  it("has it hung up if it does not come back", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const worker = await gone();
      mock.timers.tick(GRACE - 1);
      assert.equal(worker.agent.sent("hangup").length, 0);
      mock.timers.tick(1);
      assert.equal((await worker.agent.command("hangup")).call, 1);
      await worker.agent.command("shutdown");
    } finally {
      mock.timers.reset();
    }
  });
});
