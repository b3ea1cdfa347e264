import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mediaError } from "../src/errors.js";
import { refusal } from "./fake-agent.js";
import { at, connected, failure, failureKind, inCall, pending, settle } from "./setup.js";

describe("hold", () => {
  it("is done when the other side has agreed, and taken back by resume", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold").add("resume");
    const seen: boolean[] = [];
    call.on("hold", ({ local }) => seen.push(local));
    const holding = call.hold();
    const hold = await agent.command("hold");
    assert.equal(hold.sdp, "offer sendonly");
    assert.ok(await pending(holding));
    assert.equal(call.onHold.local, false);
    agent.notify({ type: "hold", call: 1, local: true, remote: false, at: 0 });
    agent.result(hold, { sdp: "answer recvonly" });
    await holding;
    assert.equal(call.onHold.local, true);
    await call.hold();
    assert.equal(agent.sent("hold").length, 1);

    const resuming = call.resume();
    const resume = await agent.command("resume");
    assert.equal(resume.sdp, "offer");
    agent.result(resume, { sdp: "answer" });
    await resuming;
    assert.equal(call.onHold.local, false);
    assert.deepEqual(seen, [true, false]);
    assert.deepEqual(handler.log.slice(2), [
      "createOffer hold",
      "applyAnswer answer recvonly",
      "createOffer",
      "applyAnswer answer",
    ]);
  });

  it("refused: the call goes on as it was, and the refusal is told", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold");
    const holding = call.hold();
    agent.refuse(await agent.command("hold"), refusal(488, "Not Acceptable Here"));
    assert.equal((await failure(holding)).status, 488);
    assert.equal(handler.log.at(-1), "rollback");
    assert.equal(call.state, "established");
    assert.equal(call.onHold.local, false);
    assert.equal(agent.sent("hangup").length, 0);
  });

  it("answered with something that does not fit is rolled back", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold");
    handler.failures.set("applyAnswer", mediaError("negotiation", "no"));
    const holding = call.hold();
    agent.result(await agent.command("hold"), { sdp: "nonsense" });
    assert.equal(await failureKind(holding), "media");
    assert.equal(handler.log.at(-1), "rollback");
    assert.equal(call.state, "established");
  });

  it("is possible only in an established call", async () => {
    const { ua } = await connected();
    const call = await ua.call("bob");
    assert.equal((await failure(call.hold())).message, "hold is possible only in an established call");
  });

  it("and resume asked at once go one after the other", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold").add("renegotiate");
    const holding = call.hold();
    const renegotiating = call.renegotiate();
    const hold = await agent.command("hold");
    await settle();
    assert.equal(agent.sent("renegotiate").length, 0);
    agent.result(hold, { sdp: "held" });
    const renegotiate = await agent.command("renegotiate");
    assert.equal(renegotiate.sdp, "offer sendonly", "what is on hold stays on hold");
    agent.result(renegotiate, { sdp: "held" });
    await Promise.all([holding, renegotiating]);
    assert.equal(handler.log.length, 6);
  });

  it("stops waiting when aborted", async () => {
    const { agent, call } = await inCall();
    agent.manual.add("hold");
    const controller = new AbortController();
    const holding = call.hold({ signal: controller.signal });
    await agent.command("hold");
    controller.abort();
    assert.equal(await failureKind(holding), "cancelled");
  });

  it("by the other side is told", async () => {
    const { agent, call } = await inCall();
    agent.notify({ type: "hold", call: 1, local: false, remote: true, at: 0 });
    assert.deepEqual(call.onHold, { local: false, remote: true });
  });
});

describe("glare", () => {
  it("lets the other side's offer through while ours waits after a 491, then offers anew", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold");
    const holding = call.hold();
    agent.refuse(await agent.command("hold"), { kind: "glare" });
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    agent.result(await agent.command("hold", 2), { sdp: "held" });
    await holding;
    assert.deepEqual(handler.log.slice(2), [
      "createOffer hold",
      "rollback",
      "applyOffer their offer",
      "createAnswer",
      "createOffer hold",
      "applyAnswer held",
    ]);
  });

  it("is what the agent says it is: another state is told", async () => {
    const { agent, call } = await inCall();
    agent.manual.add("hold").add("acceptOffer");
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    const holding = call.hold();
    const accept = await agent.command("acceptOffer");
    agent.result(accept);
    agent.refuse(await agent.command("hold"), { kind: "state", message: "the call is not established" });
    assert.equal(await failureKind(holding), "state");
    assert.equal(agent.sent("hold").length, 1);
  });

  it("with an offer that comes while ours is being made: theirs goes first", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("hold");
    let made: () => void = () => undefined;
    handler.gates.set("createOffer", new Promise((resolve) => (made = resolve)));
    const holding = call.hold();
    await settle();
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    made();
    const accept = await agent.command("acceptOffer");
    assert.equal(accept.sdp, "answer");
    const hold = await agent.command("hold");
    agent.result(hold, { sdp: "held" });
    await holding;
    assert.deepEqual(handler.log.slice(2), [
      "createOffer hold",
      "rollback",
      "applyOffer their offer",
      "createAnswer",
      "createOffer hold",
      "applyAnswer held",
    ]);
  });
});

describe("an offer of the other side", () => {
  it("is answered", async () => {
    const { agent, handler } = await inCall();
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    const accept = await agent.command("acceptOffer");
    assert.equal(accept.sdp, "answer");
    assert.deepEqual(handler.log.slice(2), ["applyOffer their offer", "createAnswer"]);
  });

  it("we cannot use is refused with 488, rolled back and told", async () => {
    const { agent, call, handler } = await inCall();
    const problems: (string | undefined)[] = [];
    call.on("media", ({ error }) => problems.push(error?.message));
    handler.failures.set("applyOffer", mediaError("negotiation", "no common codec"));
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    assert.equal((await agent.command("rejectOffer")).status, 488);
    await settle();
    assert.equal(handler.log.at(-1), "rollback");
    assert.equal(call.state, "established");
    assert.deepEqual(problems, ["no common codec"]);
  });

  it("that asks for ours takes its answer from the ACK", async () => {
    const { agent, handler } = await inCall();
    agent.notify({ type: "offer", call: 1, sdp: null, at: 0 });
    const accept = await agent.command("acceptOffer");
    assert.equal(accept.sdp, "offer");
    agent.notify({ type: "negotiated", call: 1, sdp: "from the ACK", at: 0 });
    await settle();
    assert.deepEqual(handler.log.slice(2), ["createOffer", "applyAnswer from the ACK"]);
  });

  it("is answered for a call we answered too", async () => {
    const { agent, ua, media } = await connected();
    agent.incoming(3);
    await at(ua.calls, 0).answer();
    agent.state(3, "established");
    agent.notify({ type: "offer", call: 3, sdp: "again", at: 0 });
    await agent.command("acceptOffer");
    assert.deepEqual(at(media, 0).log, ["applyOffer offer", "createAnswer", "applyOffer again", "createAnswer"]);
  });
});

describe("update", () => {
  it("says where to reach us, also before the answer", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("update");
    const call = await ua.call("bob");
    const updating = call.update();
    const update = await agent.command("update");
    assert.equal(update.sdp, undefined);
    assert.ok(await pending(updating));
    agent.result(update, { sdp: null });
    await updating;
  });

  it("with media offers anew and takes the answer", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("update");
    const updating = call.update({ media: true });
    const update = await agent.command("update");
    assert.equal(update.sdp, "offer");
    agent.result(update, { sdp: "new answer" });
    await updating;
    assert.deepEqual(handler.log.slice(2), ["createOffer", "applyAnswer new answer"]);
  });

  it("of the other side before the answer comes on top of the early media", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("bob");
    agent.notify({ type: "progress", call: 1, status: 183, reason: "Session Progress", sdp: "early", at: 0 });
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    assert.equal((await agent.command("acceptOffer")).sdp, "answer");
    agent.establish(1, "their offer");
    await call.established;
    assert.deepEqual(at(media, 0).log, [
      "createOffer",
      "applyAnswer early early",
      "applyAnswer early",
      "applyOffer their offer",
      "createAnswer",
    ]);
  });
});

describe("a session that was refreshed", () => {
  it("and answered with something new is caught up with", async () => {
    const { agent, handler } = await inCall();
    agent.manual.add("renegotiate");
    agent.notify({ type: "negotiated", call: 1, sdp: "new", at: 0 });
    agent.result(await agent.command("renegotiate"), { sdp: "new" });
    await settle();
    assert.deepEqual(handler.log.slice(2), ["createOffer", "applyAnswer new"]);
  });
});
