import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OffhookError } from "../src/index.js";
import { mediaError } from "../src/errors.js";
import { identityOf, refusal } from "./fake-agent.js";
import { at, connected, failure, failureKind, inCall, pending, settle } from "./setup.js";

describe("an outgoing call", () => {
  it("is on its way when call() resolves, and established when it was answered", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("sip:bob@example.com", { headers: [["X-Test", "1"]] });
    assert.deepEqual(at(agent.sent("call"), 0), {
      id: 2,
      type: "call",
      target: "sip:bob@example.com",
      sdp: "offer",
      headers: [["X-Test", "1"]],
    });
    assert.equal(call.direction, "outgoing");
    assert.equal(call.callId, "call-1");
    assert.equal(call.remote.uri, "sip:bob@example.com");
    assert.ok(await pending(call.established));
    agent.state(1, "proceeding", "100 Trying");
    agent.state(1, "ringing", "180 Ringing");
    agent.establish(1);
    await call.established;
    assert.deepEqual(at(media, 0).log, ["createOffer", "applyAnswer answer"]);
    assert.deepEqual(
      call.history.map(({ state }) => state),
      ["proceeding", "ringing", "answered", "established"],
    );
  });

  it("was established even if it is over before its media are ready", async () => {
    const { agent, ua } = await connected();
    const call = await ua.call("bob");
    agent.establish(1);
    agent.ended(1, { status: 200, reason: "BYE received" });
    await call.established;
    assert.equal((await call.ended).status, 200);
  });

  it("loses nothing that is said before its number is known", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("call");
    const calling = ua.call("bob");
    const command = await agent.command("call");
    agent.state(5, "calling", "INVITE sent");
    agent.result(command, { call: 5, callId: "call-5" });
    agent.establish(5);
    const call = await calling;
    await call.established;
    assert.deepEqual(
      call.history.map(({ state }) => state),
      ["calling", "answered", "established"],
    );
  });

  it("plays early media and keeps it if the 200 brings nothing else", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("bob");
    const progress: boolean[] = [];
    call.on("progress", ({ earlyMedia }) => progress.push(earlyMedia));
    agent.notify({ type: "progress", call: 1, status: 183, reason: "Session Progress", sdp: "early", at: 0 });
    agent.notify({ type: "progress", call: 1, status: 183, reason: "Session Progress", sdp: "early", at: 0 });
    agent.notify({ type: "progress", call: 1, status: 180, reason: "Ringing", sdp: null, at: 0 });
    agent.notify({ type: "answered", call: 1, sdp: null, at: 0 });
    agent.state(1, "established");
    await call.established;
    assert.deepEqual(progress, [true, true, false]);
    assert.deepEqual(at(media, 0).log, ["createOffer", "applyAnswer early early", "applyAnswer early"]);
  });

  it("asks the other side for its offer, and answers that", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("sip:bob@example.com", { offer: false });
    assert.deepEqual(at(agent.sent("call"), 0), { id: 2, type: "call", target: "sip:bob@example.com" });
    // What may get lost is no offer yet.
    agent.notify({ type: "progress", call: 1, status: 183, reason: "Session Progress", sdp: "preview", at: 0 });
    agent.state(1, "answered", "200 OK");
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    assert.equal((await agent.command("acceptOffer")).sdp, "answer");
    agent.notify({ type: "answered", call: 1, sdp: null, at: 0 });
    agent.state(1, "established", "ACK sent");
    await call.established;
    assert.deepEqual(at(media, 0).log, ["applyOffer their offer", "createAnswer"]);
    // From now on either side offers.
    agent.manual.add("hold");
    const holding = call.hold();
    agent.result(await agent.command("hold"), { sdp: "held" });
    await holding;
    assert.deepEqual(at(media, 0).log.slice(2), ["createOffer hold", "applyAnswer held"]);
  });

  it("is over if nothing can be made of the offer it has asked for", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("bob", { offer: false });
    at(media, 0).failures.set("createAnswer", mediaError("denied", "the microphone is denied"));
    agent.state(1, "answered", "200 OK");
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    assert.equal((await agent.command("rejectOffer")).status, 488);
    agent.ended(1, { status: null, reason: "hung up" });
    assert.equal((await failure(call.established)).message, "the microphone is denied");
    assert.ok(at(media, 0).closed);
  });

  it("says who is called, and who is there later", async () => {
    const { agent, ua } = await connected();
    const options = { preferredIdentity: "sip:sales@example.com", privacy: ["id" as const], anonymous: true };
    const call = await ua.call("sip:bob@example.com", options);
    const { preferredIdentity, privacy, anonymous } = at(agent.sent("call"), 0);
    assert.deepEqual({ preferredIdentity, privacy, anonymous }, options);
    const bob = identityOf({ displayName: null, uri: "sip:bob@example.com" });
    assert.deepEqual(call.identity, bob);
    const shown = { displayName: "Carol", uri: "sip:carol@example.com" };
    const carol = { ...bob, shown, asserted: shown, source: "pAssertedIdentity" as const, screened: true };
    const told: unknown[] = [];
    call.on("identity", ({ identity, previous }) => told.push(identity, previous));
    agent.notify({ type: "identity", call: 1, identity: carol, previous: bob, at: 0 });
    assert.deepEqual(told, [carol, bob]);
    assert.deepEqual([call.identity, call.remote.uri], [carol, "sip:bob@example.com"]);
  });

  it("rejects `established` with status and reason", async () => {
    const { agent, ua, media } = await connected();
    const call = await ua.call("bob");
    agent.ended(1, { status: 486, reason: "Busy Here" });
    const error = await failure(call.established);
    const detail = { kind: "status", status: 486, reason: "Busy Here", cause: null, retryAfter: null, contacts: [] };
    assert.deepEqual(error.detail, detail);
    assert.equal((await call.ended).status, 486);
    assert.equal(call.state, "ended");
    assert.ok(at(media, 0).closed);
    assert.equal(ua.calls.length, 0);
  });

  it("raises no unhandled rejection when `established` is ignored", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listen);
    const { agent, ua } = await connected();
    await ua.call("bob");
    agent.ended(1, { status: 603, reason: "Decline" });
    await settle();
    await settle();
    process.off("unhandledRejection", listen);
    assert.deepEqual(unhandled, []);
  });

  it("rejects when the microphone is denied, and no INVITE was sent", async () => {
    const { agent, ua, media } = await connected((handler) =>
      handler.failures.set("createOffer", mediaError("denied", "the microphone was not allowed")),
    );
    const error = await failure(ua.call("bob"));
    assert.equal(error.message, "the microphone was not allowed");
    assert.equal(agent.sent("call").length, 0);
    assert.ok(at(media, 0).closed);
  });

  it("says what is wrong with a target", async () => {
    const { ua, media } = await connected();
    assert.equal((await failure(ua.call("  "))).message, "target: there is nobody to call (at position 0)");
    assert.equal(media.length, 0);
  });

  it("aborted before the INVITE: nothing is sent and the microphone is let go", async () => {
    const controller = new AbortController();
    const { agent, ua, media } = await connected((handler) =>
      handler.gates.set("createOffer", new Promise(() => undefined)),
    );
    const calling = ua.call("bob", { signal: controller.signal });
    controller.abort();
    assert.equal(await failureKind(calling), "cancelled");
    assert.equal(agent.sent("call").length, 0);
    assert.ok(at(media, 0).closed);
  });

  it("aborted while the INVITE goes out: it is hung up", async () => {
    const controller = new AbortController();
    const { agent, ua } = await connected();
    agent.manual.add("call");
    const calling = ua.call("bob", { signal: controller.signal });
    const command = await agent.command("call");
    controller.abort();
    agent.result(command, { call: 1, callId: "call-1" });
    assert.equal(await failureKind(calling), "cancelled");
    assert.equal(agent.sent("hangup").length, 1);
  });

  it("aborted while it rings: it is hung up; once established the signal means nothing", async () => {
    const controller = new AbortController();
    const { agent, ua } = await connected();
    const call = await ua.call("bob", { signal: controller.signal });
    controller.abort();
    assert.equal(await failureKind(call.established), "cancelled");
    assert.equal(agent.sent("hangup").length, 1);

    const later = new AbortController();
    const talking = await inCall({ signal: later.signal });
    later.abort();
    await settle();
    assert.equal(talking.agent.sent("hangup").length, 0);
  });

  it("whose answer does not fit is hung up, and says why", async () => {
    const { agent, ua } = await connected((handler) =>
      handler.failures.set("applyAnswer", mediaError("negotiation", "no common codec")),
    );
    const call = await ua.call("bob");
    const problems: (string | undefined)[] = [];
    call.on("media", ({ error }) => problems.push(error?.message));
    agent.establish(1);
    assert.equal((await failure(call.established)).message, "no common codec");
    assert.equal(agent.sent("hangup").length, 1);
    assert.deepEqual(problems, ["no common codec"]);
  });
});

describe("an incoming call", () => {
  it("asks for the microphone only when it is answered", async () => {
    const { agent, ua, media } = await connected();
    const diverter = { displayName: null, uri: "sip:dora@example.com" };
    const diversions = [{ diverter, reason: "user-busy", counter: 1, private: false }];
    agent.incoming(3, { headers: [["X-Queue", "sales"]], trusted: true, diversions });
    const call = at(ua.calls, 0);
    assert.equal(call.state, "ringing");
    assert.equal(call.identity.shown.displayName, "Bob");
    assert.deepEqual([call.trusted, call.diversions, call.targets], [true, diversions, []]);
    assert.deepEqual(call.headers, [["X-Queue", "sales"]]);
    await call.ring();
    assert.equal(media.length, 0);
    await call.answer({ audio: { deviceId: "usb" } });
    assert.deepEqual(at(media, 0).request, {
      direction: "incoming",
      audio: { deviceId: "usb" },
      video: undefined,
    });
    assert.deepEqual(at(media, 0).log, ["applyOffer offer", "createAnswer"]);
    assert.equal(at(agent.sent("answer"), 0).sdp, "answer");
    agent.state(3, "established");
    await call.established;
  });

  it("without an offer brings ours, and takes the answer of the ACK", async () => {
    const { agent, ua, media } = await connected();
    agent.incoming(3, { sdp: null });
    const call = at(ua.calls, 0);
    agent.manual.add("answer");
    const answering = call.answer();
    const command = await agent.command("answer");
    assert.equal(command.sdp, "offer");
    agent.notify({ type: "answered", call: 3, sdp: "their answer", at: 0 });
    agent.state(3, "established");
    agent.result(command);
    await answering;
    await call.established;
    assert.deepEqual(at(media, 0).log, ["createOffer", "applyAnswer their answer"]);
  });

  it("is answered though it ends before its media have come about, which a closed connection never says", async () => {
    const never = new Promise<void>(() => undefined);
    const { agent, ua } = await connected((handler) => {
      handler.gates.set("applyAnswer", never);
    });
    agent.incoming(3, { sdp: null });
    const call = at(ua.calls, 0);
    const answering = call.answer();
    await agent.command("answer");
    agent.notify({ type: "answered", call: 3, sdp: "their answer", at: 0 });
    agent.state(3, "established");
    assert.ok(await pending(answering));
    const holding = call.hold();
    agent.ended(3, { status: 200, reason: "BYE received" });
    await answering;
    await call.established;
    assert.equal((await failure(holding)).message, "the call has ended");
  });

  it("that ends while it is described is not answered, which a closed connection never says either", async () => {
    const { agent, ua } = await connected((handler) => handler.gates.set("createAnswer", new Promise(() => undefined)));
    agent.incoming(3);
    const answering = at(ua.calls, 0).answer();
    await settle();
    agent.ended(3, { status: 487, reason: "CANCEL received" });
    assert.equal((await failure(answering)).message, "the call has ended");
  });

  it("keeps ringing when the microphone is denied, and can be answered again", async () => {
    const { agent, ua, media } = await connected((handler) => {
      if (media.length === 0)
        handler.failures.set("createAnswer", mediaError("denied", "the microphone was not allowed"));
    });
    agent.incoming(3);
    const call = at(ua.calls, 0);
    assert.equal((await failure(call.answer())).kind, "media");
    assert.equal(call.state, "ringing");
    assert.ok(at(media, 0).closed);
    await call.answer();
    assert.equal(agent.sent("answer").length, 1);
  });

  it("that the caller gives up while the microphone is asked for is not answered", async () => {
    let allow: () => void = () => undefined;
    const { agent, ua, media } = await connected((handler) =>
      handler.gates.set("createAnswer", new Promise((resolve) => (allow = resolve))),
    );
    agent.incoming(3);
    const call = at(ua.calls, 0);
    const answering = call.answer();
    await settle();
    agent.ended(3, { status: 487, reason: "CANCEL received" });
    allow();
    assert.equal((await failure(answering)).message, "the call has ended");
    assert.equal(agent.sent("answer").length, 0);
    assert.ok(at(media, 0).closed);
  });

  it("answered twice is answered once", async () => {
    const { agent, ua } = await connected();
    agent.incoming(3);
    const call = at(ua.calls, 0);
    await Promise.all([call.answer(), call.answer()]);
    assert.equal(agent.sent("answer").length, 1);
  });

  it("rings with early media, and answers with the same description", async () => {
    const { agent, ua, media } = await connected();
    agent.incoming(3);
    const call = at(ua.calls, 0);
    await call.ring({ earlyMedia: true });
    assert.equal(at(agent.sent("ring"), 0).sdp, "answer");
    await call.answer();
    assert.equal(media.length, 1);
    assert.equal(at(agent.sent("answer"), 0).sdp, "answer");
  });

  it("can be rejected and redirected, done when the caller has it", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("reject");
    agent.incoming(3);
    const call = at(ua.calls, 0);
    const rejecting = call.reject(603, "Not today");
    const command = await agent.command("reject");
    assert.ok(await pending(rejecting));
    assert.deepEqual([command.status, command.reason], [603, "Not today"]);
    agent.result(command);
    await rejecting;

    agent.incoming(4);
    agent.manual.add("redirect");
    const redirecting = at(ua.calls, 1).redirect("sip:carol@example.com");
    const redirect = await agent.command("redirect");
    assert.deepEqual(redirect.contacts, ["sip:carol@example.com"]);
    agent.result(redirect);
    await redirecting;
  });

  it("says which call it takes the place of, and who sent the caller", async () => {
    const { agent, ua } = await connected();
    agent.incoming(3);
    const referredBy = { displayName: null, uri: "sip:bob@example.com" };
    agent.incoming(4, { replaces: 3, referredBy });
    const [old, call] = ua.calls;
    assert.equal(old?.replaces, null);
    assert.equal(call?.replaces, old);
    assert.deepEqual(call?.referredBy, referredBy);
  });

  it("says which call it is to be mixed with, and what each side is", async () => {
    const { agent, ua } = await connected();
    agent.incoming(3);
    agent.incoming(4, { joins: 3 });
    const [old, call] = ua.calls;
    assert.equal(old?.joins, null);
    assert.equal(call?.joins, old);
    const setting = call?.setFeatures([["isfocus", null]]);
    const command = await agent.command("setFeatures");
    assert.deepEqual([command.call, command.features], [4, [["isfocus", null]]]);
    agent.result(command);
    await setting;
    const joins = { callId: "x", toTag: "1", fromTag: "2", earlyOnly: false };
    await ua.call("carol", { joins, features: [["automaton", null]] });
    const made = await agent.command("call");
    assert.deepEqual([made.joins, made.features, "replaces" in made], [joins, [["automaton", null]], false]);
  });

  it("refuses what is only for incoming calls on an outgoing one", async () => {
    const { call } = await inCall();
    for (const attempt of [
      () => call.ring(),
      () => call.answer(),
      () => call.reject(),
      () => call.redirect("sip:x@y"),
    ]) {
      assert.equal(await failureKind(attempt()), "state");
    }
  });
});

describe("hanging up", () => {
  it("is done when the call is over, whoever asks how often", async () => {
    const { agent, call } = await inCall();
    agent.manual.add("hangup");
    const first = call.hangup("done");
    const second = call.hangup();
    const command = await agent.command("hangup");
    assert.equal(command.reason, "done");
    assert.ok(await pending(first));
    agent.ended(1, { by: "local" });
    agent.result(command);
    await Promise.all([first, second, call.hangup()]);
    assert.equal(agent.sent("hangup").length, 1);
    assert.equal((await call.ended).by, "local");
  });

  it("is no failure when the other side was faster", async () => {
    const { agent, call } = await inCall();
    agent.manual.add("hangup");
    const hanging = call.hangup();
    agent.ended(1);
    agent.refuse(await agent.command("hangup"), { kind: "state", message: "there is no such call" });
    await hanging;
  });

  it("of an unanswered call rejects `established` as cancelled", async () => {
    const { agent, ua } = await connected();
    const call = await ua.call("bob");
    agent.ended(1, { by: "local", status: 487, reason: "Request Terminated" });
    assert.equal(await failureKind(call.established), "cancelled");
  });
});

describe("within a call", () => {
  it("mutes and unmutes, telling each change once", async () => {
    const { call, handler } = await inCall();
    const seen: boolean[] = [];
    call.on("muted", ({ muted }) => seen.push(muted));
    call.mute();
    call.mute();
    assert.ok(handler.muted.has("audio"));
    call.unmute();
    assert.deepEqual(seen, [true, false]);
  });

  it("sends keys within the media, or by INFO where that was not negotiated", async () => {
    const { agent, call, handler } = await inCall();
    await call.sendDtmf("12a");
    assert.equal(handler.log.at(-1), "dtmf 12A");
    handler.canSendDtmf = false;
    await call.sendDtmf("3#", { gap: 0, duration: 100 });
    assert.deepEqual(
      agent.sent("dtmf").map(({ tone, duration }) => [tone, duration]),
      [
        ["3", 100],
        ["#", 100],
      ],
    );
    assert.equal((await failure(call.sendDtmf("1", { via: "rtp" }))).kind, "media");
  });

  it("names the key that is none, and where it stands", async () => {
    const { call } = await inCall();
    const { detail } = await failure(call.sendDtmf("12x"));
    assert.deepEqual(detail, { kind: "input", field: "tones", offset: 2, message: '"x" is not a key' });
  });

  it("sends INFO and hears it", async () => {
    const { agent, call } = await inCall();
    await call.sendInfo("application/x", "body");
    assert.equal(at(agent.sent("info"), 0).body, "body");
    await call.sendInfoPackage("x-note", "application/x", "body");
    assert.equal(at(agent.sent("info"), 1).package, "x-note");
    const tones: (string | undefined)[] = [];
    call.on("info", ({ dtmf }) => tones.push(dtmf?.tone));
    agent.notify({
      type: "info",
      package: null,
      call: 1,
      contentType: "application/dtmf-relay",
      body: "",
      dtmf: { tone: "5", duration: 160 },
      at: 0,
    });
    assert.deepEqual(tones, ["5"]);
  });

  it("asks nothing of a call that has ended", async () => {
    const { agent, call } = await inCall();
    agent.ended(1);
    for (const attempt of [
      () => call.hold(),
      () => call.resume(),
      () => call.sendDtmf("1"),
      () => call.replaceAudio(true),
    ]) {
      await attempt().catch((error: unknown) => {
        assert.ok(error instanceof OffhookError);
        assert.equal(error.message, "the call has ended");
      });
    }
    assert.equal(agent.sent("hold").length, 0);
  });
});

describe("failed media", () => {
  it("does not hang up: it is told, and an ICE restart is tried once", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const seen: string[] = [];
    call.on("media", ({ state, error }) => seen.push(error ? `${state}: ${error.kind}` : state));
    handler.onEvent?.({ type: "state", state: "connected" });
    handler.onEvent?.({ type: "state", state: "failed" });
    const command = await agent.command("renegotiate");
    assert.equal(handler.log.at(-1), "createOffer ice-restart");
    agent.refuse(command, refusal(488, "Not Acceptable Here"));
    await settle();
    handler.onEvent?.({ type: "state", state: "failed" });
    await settle();
    assert.equal(agent.sent("renegotiate").length, 1);
    assert.equal(agent.sent("hangup").length, 0);
    assert.equal(call.state, "established");
    assert.deepEqual(seen, ["connected", "failed: media", "failed: status", "failed: media"]);
  });

  it("may be tried again after it had come back", async () => {
    const { agent, handler } = await inCall();
    agent.manual.add("renegotiate");
    handler.onEvent?.({ type: "state", state: "failed" });
    agent.result(await agent.command("renegotiate"), { sdp: "answer" });
    await settle();
    handler.onEvent?.({ type: "state", state: "connected" });
    handler.onEvent?.({ type: "state", state: "failed" });
    await agent.command("renegotiate", 2);
  });
});
