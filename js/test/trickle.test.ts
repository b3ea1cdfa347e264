import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserAgent } from "../src/index.js";
import type { AgentConfig, TrickledCandidate } from "../src/protocol.js";
import { FakeAgent } from "./fake-agent.js";
import { FakeMedia, fakeMedia } from "./fake-media.js";
import { connected, inCall, settle } from "./setup.js";

const ONE: TrickledCandidate = { mid: "0", candidate: "1 1 udp 1 192.0.2.1 5000 typ host" };
const TWO: TrickledCandidate = { mid: "0", candidate: "2 1 udp 1 192.0.2.1 6000 typ host" };

/** What a media handler has found. */
function finds(media: FakeMedia, list: TrickledCandidate[], end: boolean): void {
  Object.assign(media, { candidates: { list, end } });
  media.onEvent?.({ type: "candidates" });
}

describe("candidates", () => {
  it("are handed over once the other side takes them, all there are each time", async () => {
    const { agent, handler } = await inCall();
    finds(handler, [ONE], false);
    await settle();
    assert.deepEqual(agent.sent("trickle"), []);
    agent.notify({ type: "trickle", call: 1, at: 0 });
    finds(handler, [ONE, TWO], true);
    await settle();
    const told = agent.sent("trickle").map(({ call, candidates, end }) => ({ call, candidates, end }));
    assert.deepEqual(told, [
      { call: 1, candidates: [ONE], end: false },
      { call: 1, candidates: [ONE, TWO], end: true },
    ]);
  });

  it("need not be in the answer to a caller who takes them", async () => {
    const { agent, ua, media } = await connected((made) => {
      const { createAnswer } = made;
      made.createAnswer = (options?: { trickle: boolean }) => {
        made.log.push(`trickle ${options?.trickle}`);
        return createAnswer.call(made);
      };
    });
    agent.incoming(1, { trickle: true });
    agent.incoming(2);
    for (const call of ua.calls) await call.answer();
    assert.deepEqual(media.map(({ log }) => log.filter((step) => step.startsWith("trickle"))), [
      ["trickle true"],
      ["trickle false"],
    ]);
  });

  it("of the other side reach the media after the description they belong to", async () => {
    let open = (): void => undefined;
    const { agent, handler } = await inCall();
    Object.assign(handler, {
      addCandidates: async (list: TrickledCandidate[], end: boolean) => void handler.log.push(`add ${list.length} ${end}`),
    });
    handler.gates.set("applyOffer", new Promise<void>((resolve) => (open = resolve)));
    agent.notify({ type: "offer", call: 1, sdp: "offer 2", at: 0 });
    agent.notify({ type: "candidates", call: 1, candidates: [ONE], end: true, at: 0 });
    await settle();
    assert.ok(!handler.log.includes("add 1 true"));
    open();
    await settle();
    assert.ok(handler.log.indexOf("add 1 true") > handler.log.indexOf("createAnswer"));
  });

  it("are announced where the media handler can do it, or somebody says so", async () => {
    const packages = async (options: object): Promise<AgentConfig["infoPackages"]> => {
      let config: AgentConfig | null = null;
      const port = async (given: AgentConfig): Promise<FakeAgent> => {
        config = given;
        return new FakeAgent();
      };
      await UserAgent.connect({ aor: "sip:alice@example.com", server: "ws://example.com", port, ...options });
      return (config as AgentConfig | null)?.infoPackages;
    };
    assert.deepEqual(await packages({ media: {}, infoPackages: ["x"] }), ["x", "trickle-ice"]);
    assert.deepEqual(await packages({ media: {}, trickle: false }), undefined);
    assert.deepEqual(await packages({ media: fakeMedia() }), undefined);
    assert.deepEqual(await packages({ media: fakeMedia(), trickle: true }), ["trickle-ice"]);
  });
});
