import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { JSDOM } from "jsdom";
import { FakeAgent } from "./fake-agent.js";
import { fakeMedia } from "./fake-media.js";
import { settle } from "./setup.js";

const dom = new JSDOM('<!doctype html><div id="root"></div>', { url: "https://example.com" });
Object.assign(globalThis, { window: dom.window, document: dom.window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, "navigator", { value: dom.window.navigator, configurable: true });
// After there is a document: that is when they look for it.
const { act, createElement: h, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useAgent, useCall, useCalls, useDevices, useDuration, useLines, useMessages, useQuality } = await import("../src/react/index.js");
type AgentOptions = import("../src/react/index.js").AgentOptions;

/** Draws a component in StrictMode, and tells what it shows. */
async function draw(component: () => string): Promise<{ text: () => string; again: () => Promise<void>; gone: () => Promise<void> }> {
  const place = document.createElement("div");
  const root = createRoot(place);
  const render = (): void => root.render(h(StrictMode, null, h(component)));
  await act(async () => {
    render();
    await settle();
  });
  return {
    text: () => place.textContent ?? "",
    again: () => act(async () => render()),
    gone: () => act(async () => root.unmount()),
  };
}

/** What happens in the world, and the drawing that follows. */
const happens = (what: () => void): Promise<void> =>
  act(async () => {
    what();
    await settle();
  });

function account(agents: FakeAgent[], more: Partial<AgentOptions> = {}): AgentOptions {
  return {
    aor: "sip:alice@example.com",
    server: "ws://example.com/ws",
    media: fakeMedia(),
    watchNetwork: false,
    port: async () => {
      const agent = new FakeAgent();
      agents.push(agent);
      return agent;
    },
    ...more,
  };
}

describe("hooks in StrictMode", () => {
  const errors: unknown[][] = [];
  const { error } = console;
  before(() => (console.error = (...words: unknown[]) => void errors.push(words)));
  after(() => {
    console.error = error;
    assert.deepEqual(errors, [], "React has nothing to complain about");
    dom.window.close();
  });

  it("useAgent connects and registers once, tells what happens, and shuts down", async () => {
    const agents: FakeAgent[] = [];
    const options = account(agents);
    const view = await draw(() => {
      const { agent, state, registration } = useAgent({ ...options });
      return `${agent?.aor} ${state} ${registration}`;
    });
    assert.equal(agents.length, 1, "once, though effects run twice");
    const [agent] = agents as [FakeAgent];
    assert.equal(agent.sent("register").length, 1);
    await happens(() => {
      agent.notify({ type: "transport", state: "connected", message: null, at: 0 });
      agent.notify({ type: "registration", state: "registered", expires: 300, error: null, at: 0 });
    });
    assert.equal(view.text(), "sip:alice@example.com connected registered");
    await view.again();
    assert.equal(agents.length, 1, "the same options are no other agent");
    await view.gone();
    await settle();
    assert.equal(agent.sent("shutdown").length, 1);
  });

  it("useAgent tells why it could not register", async () => {
    const agents: FakeAgent[] = [];
    const options = account(agents);
    const manual = options.port;
    options.port = async (config) => {
      const port = (await manual?.(config)) as FakeAgent;
      port.manual.add("register");
      return port;
    };
    const view = await draw(() => {
      const { agent, error } = useAgent(options);
      return `${agent !== null} ${error?.kind}`;
    });
    const [agent] = agents as [FakeAgent];
    const command = await agent.command("register");
    await happens(() => agent.refuse(command, { kind: "authentication", status: 401, message: "wrong" }));
    assert.equal(view.text(), "true authentication");
    await view.gone();
  });

  it("useAgent signs out and in as somebody else", async () => {
    const agents: FakeAgent[] = [];
    let options: AgentOptions | null = account(agents);
    const view = await draw(() => useAgent(options).agent?.aor ?? "nobody");
    assert.equal(view.text(), "sip:alice@example.com");
    options = null;
    await act(async () => {
      await view.again();
      await settle();
    });
    assert.equal(view.text(), "nobody");
    assert.equal(agents[0]?.sent("shutdown").length, 1);
    options = account(agents, { aor: "sip:bob@example.com" });
    await act(async () => {
      await view.again();
      await settle();
    });
    assert.equal(view.text(), "sip:bob@example.com");
    assert.equal(agents.length, 2);
    await view.gone();
  });

  it("useLines, useCall, useCalls and useDuration follow calls from ringing to their end", async () => {
    const agents: FakeAgent[] = [];
    const options = account(agents);
    let lines: ReturnType<typeof useLines> | undefined;
    const view = await draw(() => {
      const { agent } = useAgent(options);
      lines = useLines(agent);
      const current = lines.current ?? lines.ringing[0] ?? null;
      const { state, muted, end } = useCall(current);
      const calls = useCalls(agent);
      return `${calls.length} ${lines.calls.length} ${state} ${muted} ${useDuration(current)} ${end?.by}`;
    });
    const [agent] = agents as [FakeAgent];
    assert.equal(view.text(), "0 0 null false null undefined");
    await happens(() => agent.incoming(1));
    assert.equal(view.text(), "1 1 ringing false null undefined");
    assert.equal(agent.sent("ring").length, 1, "told once that it rings");
    const [call] = lines?.ringing ?? [];
    assert.ok(call && lines?.lines);
    await happens(() => void lines?.lines?.answer(call));
    await happens(() => agent.state(1, "established"));
    assert.match(view.text(), /^1 1 established false \d+ undefined$/);
    await happens(() => lines?.lines?.mute());
    assert.match(view.text(), /established true/);
    await happens(() => agent.ended(1));
    assert.equal(view.text(), "0 0 null false null undefined");
    assert.equal(agents.length, 1);
    await view.gone();
  });

  it("useQuality measures a call and stops with it; useDevices and useMessages have nothing where there is nothing", async () => {
    const agents: FakeAgent[] = [];
    const options = account(agents);
    const view = await draw(() => {
      const { agent } = useAgent(options);
      const { calls } = useLines(agent);
      const { sample, problems, summary } = useQuality(calls[0], { interval: 0 });
      return `${sample} ${problems.length} ${summary?.samples} ${useDevices().length} ${useMessages(agent)?.waiting}`;
    });
    const [agent] = agents as [FakeAgent];
    assert.equal(view.text(), "null 0 undefined 0 undefined");
    assert.equal(agent.sent("subscribe").length - agent.sent("unsubscribe").length, 1, "one subscription is left");
    await happens(() => agent.incoming(1));
    const summary = { waiting: true, account: null, counts: [] };
    await happens(() =>
      agent.notify({ type: "unsolicited", from: { displayName: null, uri: "sip:server" }, package: "message-summary", contentType: "", body: "", summary, at: 0 }),
    );
    assert.match(view.text(), /true$/);
    await view.gone();
    await settle();
    assert.equal(agent.sent("subscribe").length, agent.sent("unsubscribe").length);
  });
});
