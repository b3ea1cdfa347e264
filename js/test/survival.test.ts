import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserAgent } from "../src/index.js";
import { serverSettings } from "../src/servers.js";
import { watchNetwork } from "../src/triggers.js";
import { FakeAgent } from "./fake-agent.js";
import { inCall, settle } from "./setup.js";

/** As much of a page as triggers need. */
function page(): { here: EventTarget & object; document: EventTarget & { visibilityState: string }; connection: EventTarget } {
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const connection = new EventTarget();
  const here = Object.assign(new EventTarget(), { document, navigator: { connection } });
  return { here, document, connection };
}

describe("triggers", () => {
  it("are what says that the network may have changed, until they are stopped", () => {
    const { here, document, connection } = page();
    let changes = 0;
    const stop = watchNetwork(() => changes++, here);
    here.dispatchEvent(new Event("online"));
    connection.dispatchEvent(new Event("change"));
    document.dispatchEvent(new Event("visibilitychange"));
    here.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    assert.equal(changes, 4);
    here.dispatchEvent(new Event("pageshow"));
    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    assert.equal(changes, 4, "a page that goes away or is new says nothing");
    stop();
    here.dispatchEvent(new Event("online"));
    assert.equal(changes, 4);
  });

  it("are nowhere on a server", () => {
    watchNetwork(() => assert.fail(), {})();
  });
});

describe("servers", () => {
  it("are one, several, or several that share the load", () => {
    assert.deepEqual(serverSettings("ws://a"), { server: "ws://a" });
    assert.deepEqual(serverSettings(["ws://a", "ws://b"], ["ws://c"]), { server: "ws://a", servers: ["ws://b", "ws://c"] });
    assert.deepEqual(serverSettings([{ url: "ws://a", weight: 2 }, { url: "ws://b", weight: 1 }, "ws://c"]), {
      server: "ws://a",
      servers: ["ws://b", "ws://c"],
      weights: [2, 1, 0],
    });
  });

  it("each have their time for the first connection", async () => {
    const agent = new FakeAgent();
    agent.manual.add("connect");
    const started = Date.now();
    const connecting = UserAgent.connect({
      aor: "sip:alice@example.com",
      server: ["ws://a", "ws://b", "ws://c"],
      connectTimeout: 20,
      port: async () => agent,
    });
    await assert.rejects(connecting, /within 0.06 s/);
    assert.ok(Date.now() - started >= 55);
  });
});

describe("a call whose connection was lost", () => {
  it("tells when the other side knows where it is, and leaves media alone that are well", async () => {
    const { agent, call, handler } = await inCall();
    handler.onEvent?.({ type: "state", state: "connected" });
    const told: number[] = [];
    call.on("recovered", ({ at }) => told.push(at));
    agent.notify({ type: "recovered", call: 1, at: 7 });
    await settle();
    assert.deepEqual(told, [7]);
    assert.deepEqual(agent.sent("renegotiate"), []);
  });

  it("looks for another path for media that are lost, also if that was tried in vain before", async () => {
    const { agent, handler } = await inCall();
    agent.manual.add("renegotiate");
    handler.onEvent?.({ type: "state", state: "failed" });
    const first = await agent.command("renegotiate");
    agent.refuse(first, { kind: "transport", message: "no connection" });
    await settle();
    handler.onEvent?.({ type: "state", state: "failed" });
    await settle();
    assert.equal(agent.sent("renegotiate").length, 1, "once by itself");
    agent.notify({ type: "recovered", call: 1, at: 7 });
    agent.result(await agent.command("renegotiate", 2), { sdp: "answer" });
    await settle();
    assert.equal(handler.log.filter((step) => step === "createOffer ice-restart").length, 2);
  });
});
