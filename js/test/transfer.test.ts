import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Call, type TransferProgress, type TransferRequest } from "../src/index.js";
import { type FakeAgent, refusal } from "./fake-agent.js";
import { at, connected, failure, failureKind, inCall, pending, settle } from "./setup.js";

function tell(agent: FakeAgent, status: number, reason: string): void {
  agent.notify({ type: "transferProgress", transfer: 7, status, reason, at: 1 });
}

function done(agent: FakeAgent, status: number | null, reason: string): void {
  const error = status !== null && status >= 300 ? refusal(status, reason) : null;
  agent.notify({ type: "transferDone", transfer: 7, status, reason, error, at: 2 });
}

function ask(agent: FakeAgent, call: number | null = 1): void {
  agent.notify({
    type: "transferRequest",
    transfer: 9,
    call,
    from: { displayName: "Bob", uri: "sip:bob@example.com" },
    target: { displayName: null, uri: "sip:carol@example.com" },
    referredBy: { displayName: null, uri: "sip:bob@example.com" },
    replaces: true,
    headers: [["X-A", "1"]],
    at: 3,
  });
}

describe("a transfer", () => {
  it("is asked for, and goes on after the call", async () => {
    const { agent, call } = await inCall();
    const transfer = await call.transfer("carol", { timeout: 1000 });
    const { id, ...command } = at(agent.sent("transfer"), 0);
    assert.deepEqual(command, { type: "transfer", call: 1, target: "sip:carol@example.com", timeout: 1000 });
    assert.ok(await pending(transfer.accepted));
    agent.notify({ type: "transferAccepted", transfer: 7, at: 0 });
    await transfer.accepted;
    assert.ok(await pending(transfer.done), "accepted is not done");
    agent.ended(1);
    tell(agent, 180, "Ringing");
    tell(agent, 200, "OK");
    done(agent, 200, "OK");
    assert.deepEqual(await transfer.done, { status: 200, reason: "OK" });
    const steps: TransferProgress[] = [];
    for await (const step of transfer.progress) steps.push(step);
    assert.deepEqual(
      steps.map(({ status }) => status),
      [180, 200],
    );
  });

  it("tells as it goes", async () => {
    const { agent, call } = await inCall();
    const transfer = await call.transfer("carol");
    const seen: number[] = [];
    const events: string[] = [];
    transfer.on("accepted", ({ type }) => events.push(type));
    transfer.on("progress", ({ status }) => events.push(String(status)));
    transfer.on("done", ({ outcome, error }) => events.push(String(outcome?.status), String(error)));
    const reading = (async () => {
      for await (const { status } of transfer.progress) seen.push(status);
    })();
    agent.notify({ type: "transferAccepted", transfer: 7, at: 0 });
    tell(agent, 100, "Trying");
    await settle();
    assert.deepEqual(seen, [100]);
    tell(agent, 180, "Ringing");
    await settle();
    assert.deepEqual(seen, [100, 180]);
    done(agent, null, "noresource");
    await reading;
    assert.deepEqual(events, ["accepted", "100", "180", "null", "null"]);
    assert.deepEqual(await transfer.done, { status: null, reason: "noresource" });
  });

  it("fails with what the other side says, and leaves the call", async () => {
    const { agent, call } = await inCall();
    const other = await call.transfer("carol");
    done(agent, 486, "Busy Here");
    const error = await failure(other.done);
    assert.equal(error.status, 486);
    assert.equal(await failureKind(other.accepted), "status");
    assert.equal(call.state, "established");
  });

  it("may be told of before its number", async () => {
    const { agent, call } = await inCall();
    agent.manual.add("transfer");
    const asking = call.transfer("carol");
    const command = await agent.command("transfer");
    agent.result(command, { transfer: 7 });
    agent.notify({ type: "transferAccepted", transfer: 7, at: 0 });
    done(agent, 200, "OK");
    assert.equal((await (await asking).done).status, 200);
  });

  it("brings two calls together", async () => {
    const { agent, ua, call } = await inCall();
    const other = await ua.call("carol");
    await call.transferTo(other, { hangUp: false, follow: false, headers: [["X-B", "2"]] });
    const { id, ...command } = at(agent.sent("transferTo"), 0);
    const headers = [["X-B", "2"]];
    assert.deepEqual(command, { type: "transferTo", call: 1, other: 2, hangUp: false, follow: false, headers });
    agent.ended(1);
    assert.equal(await failureKind(call.transferTo(other)), "state");
  });

  it("hands a call over to somebody else", async () => {
    const { agent, call } = await inCall();
    const transfer = await call.handOver("park", { toContact: true });
    const { id, ...command } = at(agent.sent("handOver"), 0);
    assert.deepEqual(command, { type: "handOver", call: 1, target: "sip:park@example.com", toContact: true });
    done(agent, 200, "OK");
    assert.equal((await transfer.done).status, 200);
    assert.equal(call.state, "established", "its other side ends it");
  });

  it("can be asked of somebody without a call", async () => {
    const { agent, ua } = await connected();
    const transfer = await ua.refer("desk", "+49 30 1234");
    const { id, ...command } = at(agent.sent("refer"), 0);
    assert.deepEqual(command, { type: "refer", target: "sip:desk@example.com", referTo: "sip:+49301234@example.com" });
    const stopping = ua.shutdown();
    await stopping;
    assert.equal(await failureKind(transfer.done), "cancelled", "it ends with the agent");
  });
});

describe("a request for a transfer", () => {
  it("is refused where nobody decides", async () => {
    const { agent } = await inCall();
    ask(agent);
    const { id, ...command } = await agent.command("rejectTransfer");
    assert.deepEqual(command, { type: "rejectTransfer", transfer: 9 });
  });

  it("is followed by a call with media of its own", async () => {
    const { agent, call, media } = await inCall();
    const requests: TransferRequest[] = [];
    call.onTransferRequest((request) => requests.push(request));
    ask(agent);
    const request = at(requests, 0);
    assert.equal(request.call, call);
    assert.equal(request.target.uri, "sip:carol@example.com");
    assert.equal(request.referredBy?.uri, "sip:bob@example.com");
    assert.ok(request.replaces && request.open);
    assert.deepEqual(request.headers, [["X-A", "1"]]);
    const made = await request.accept({ audio: false, headers: [["X-C", "3"]] });
    assert.deepEqual(at(media, 1).request, { direction: "outgoing", audio: false, video: undefined });
    const { id, sdp, ...command } = at(agent.sent("acceptTransfer"), 0);
    assert.deepEqual(command, { type: "acceptTransfer", transfer: 9, headers: [["X-C", "3"]] });
    assert.ok(sdp);
    assert.equal(made.remote.uri, "sip:carol@example.com");
    agent.establish(2);
    await made.established;
    assert.equal(request.open, false);
    assert.equal(await request.accept(), made, "once");
    assert.equal(await failureKind(request.reject()), "state");
  });

  it("stays open when the microphone cannot be had", async () => {
    const { agent, call, media } = await inCall();
    let request: TransferRequest | undefined;
    call.onTransferRequest((asked) => (request = asked));
    ask(agent);
    const controller = new AbortController();
    controller.abort();
    assert.equal(await failureKind((request as TransferRequest).accept({ signal: controller.signal })), "cancelled");
    assert.equal(agent.sent("acceptTransfer").length, 0);
    assert.equal(media.length, 1);
    await (request as TransferRequest).reject(486, "Not now");
    const { id, ...command } = at(agent.sent("rejectTransfer"), 0);
    assert.deepEqual(command, { type: "rejectTransfer", transfer: 9, status: 486, reason: "Not now" });
  });

  it("goes to the call's decider first, then to the agent's", async () => {
    const { agent, ua, call } = await inCall();
    const seen: (Call | null | string)[] = [];
    const stop = call.onTransferRequest((request) => seen.push("call", request.call));
    ua.onTransferRequest((request) => seen.push("agent", request.call));
    ask(agent);
    ask(agent, null);
    stop();
    ask(agent);
    assert.deepEqual(seen, ["call", call, "agent", null, "agent", call]);
    assert.equal(agent.sent("rejectTransfer").length, 0);
  });

  it("expires", async () => {
    const { agent, call } = await inCall();
    let request: TransferRequest | undefined;
    call.onTransferRequest((asked) => (request = asked));
    ask(agent);
    const seen: number[] = [];
    request?.on("expired", ({ at }) => seen.push(at));
    agent.notify({ type: "transferExpired", transfer: 9, at: 60 });
    assert.deepEqual(seen, [60]);
    assert.equal(request?.open, false);
    assert.equal(await failureKind((request as TransferRequest).accept()), "state");
  });
});
