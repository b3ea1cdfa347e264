import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mediaError } from "../src/errors.js";
import { refusal } from "./fake-agent.js";
import { at, connected, failure, inCall, settle } from "./setup.js";

describe("video and screen", () => {
  it("are added by an offer, with a track that was opened before it", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const adding = call.addVideo("front");
    agent.result(await agent.command("renegotiate"), { sdp: "answer" });
    await adding;
    assert.deepEqual(handler.log.slice(2), [
      "open video front",
      "replaceTrack video",
      "createOffer +video",
      "applyAnswer answer",
    ]);
    assert.equal(at(handler.opened, 0).readyState, "live");
  });

  it("are replaced without a word to the other side", async () => {
    const { agent, call, handler } = await inCall();
    handler.sending.add("video");
    await call.addVideo("back");
    await call.replaceAudio("headset");
    assert.deepEqual(handler.log.slice(2), [
      "open video back",
      "replaceTrack video",
      "open audio headset",
      "replaceTrack audio",
    ]);
    assert.equal(agent.sent("renegotiate").length, 0);
  });

  it("are removed by an offer", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const removing = call.stopScreen();
    agent.result(await agent.command("renegotiate"), { sdp: "answer" });
    await removing;
    assert.ok(handler.log.includes("createOffer -screen"));
  });

  it("refused: the track is let go, the call goes on, and the refusal is told", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const adding = call.addVideo();
    agent.refuse(await agent.command("renegotiate"), refusal(488, "Not Acceptable Here"));
    assert.equal((await failure(adding)).status, 488);
    assert.equal(at(handler.opened, 0).readyState, "ended");
    assert.equal(handler.log.at(-1), "rollback");
    assert.equal(call.state, "established");
  });

  it("that cannot be opened is offered to nobody", async () => {
    const { agent, call, handler } = await inCall();
    handler.failures.set("open", mediaError("denied", "the camera was not allowed"));
    assert.deepEqual((await failure(call.addVideo())).detail, {
      kind: "media",
      problem: "denied",
      message: "the camera was not allowed",
    });
    assert.equal(agent.sent("renegotiate").length, 0);
  });

  it("that was being opened when the call ended is let go", async () => {
    const { agent, call, handler } = await inCall();
    let open: () => void = () => undefined;
    handler.gates.set("open", new Promise((resolve) => (open = resolve)));
    const adding = call.addVideo();
    await settle();
    agent.ended(1);
    open();
    assert.equal((await failure(adding)).message, "the call has ended");
    assert.equal(at(handler.opened, 0).readyState, "ended");
  });

  it("does not let a question to the person stop the other side's offers", async () => {
    const { agent, call, handler } = await inCall();
    handler.gates.set("open", new Promise(() => undefined));
    const adding = call.addVideo();
    adding.catch(() => undefined);
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    assert.equal((await agent.command("acceptOffer")).sdp, "answer");
  });

  it("goes on after an offer of the other side that came in between", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const adding = call.addVideo();
    agent.refuse(await agent.command("renegotiate"), { kind: "glare" });
    agent.notify({ type: "offer", call: 1, sdp: "their offer", at: 0 });
    agent.result(await agent.command("renegotiate", 2), { sdp: "answer" });
    await adding;
    assert.equal(handler.opened.length, 1);
    assert.deepEqual(handler.log.slice(4), [
      "createOffer +video",
      "rollback",
      "applyOffer their offer",
      "createAnswer",
      "createOffer +video",
      "applyAnswer answer",
    ]);
  });

  it("is asked for in a call and in an answer, and told of by the offer", async () => {
    const { agent, ua, media } = await connected();
    await ua.call("bob", { video: true });
    assert.deepEqual(at(media, 0).request, { direction: "outgoing", audio: undefined, video: true });
    agent.incoming(3, { sdp: "v=0\r\nm=audio 9 RTP/AVP 0\r\nm=video 4000 RTP/AVP 96\r\n" });
    const incoming = at(ua.calls, 1);
    assert.ok(incoming.offersVideo);
    await incoming.answer({ video: "front" });
    assert.deepEqual(at(media, 1).request, { direction: "incoming", audio: undefined, video: "front" });
    agent.incoming(4, { sdp: "v=0\r\nm=audio 9 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n" });
    assert.equal(at(ua.calls, 2).offersVideo, false);
  });
});

describe("muting", () => {
  it("is of one kind, and is kept for media that comes later", async () => {
    const { agent, ua, media } = await connected();
    agent.incoming(3);
    const call = at(ua.calls, 0);
    const told: string[] = [];
    call.on("muted", ({ kind, muted }) => told.push(`${kind} ${muted}`));
    call.mute("video");
    assert.deepEqual([call.muted, call.isMuted("video")], [false, true]);
    await call.answer();
    assert.deepEqual([...at(media, 0).muted], ["video"]);
    call.unmute("video");
    call.mute();
    assert.deepEqual([...at(media, 0).muted], ["audio"]);
    assert.deepEqual(told, ["video true", "video false", "audio true"]);
  });
});

describe("what the media tells", () => {
  it("a lost device is told; a screen that is no longer shared is offered no more", async () => {
    const { agent, call, handler } = await inCall();
    agent.manual.add("renegotiate");
    const told: string[] = [];
    call.on("device", ({ kind, label }) => told.push(`${kind} ${label}`));
    handler.onEvent?.({ type: "device", kind: "audio", label: "Headset" });
    await settle();
    assert.equal(agent.sent("renegotiate").length, 0);
    handler.onEvent?.({ type: "device", kind: "screen", label: null });
    agent.result(await agent.command("renegotiate"), { sdp: "answer" });
    await settle();
    assert.deepEqual(told, ["audio Headset", "screen null"]);
    assert.equal(handler.log.at(-2), "createOffer -screen");
  });

  it("a path that leads elsewhere is looked for anew once the call is established", async () => {
    const { agent, ua, media } = await connected();
    agent.manual.add("renegotiate");
    const call = await ua.call("bob");
    const handler = at(media, 0);
    agent.state(1, "answered", "200 OK");
    agent.notify({ type: "answered", call: 1, sdp: "of another fork", at: 0 });
    await settle();
    handler.onEvent?.({ type: "restart" });
    await settle();
    assert.equal(agent.sent("renegotiate").length, 0);
    agent.state(1, "established", "ACK sent");
    agent.result(await agent.command("renegotiate"), { sdp: "answer" });
    await settle();
    assert.equal(handler.log.at(-2), "createOffer ice-restart");
    assert.equal(call.state, "established");
  });
});

describe("a media handler of the application's", () => {
  it("may leave out what it cannot do", async () => {
    const { call, handler } = await inCall();
    Object.assign(handler, { open: undefined });
    for (const [attempt, words] of [
      [() => call.addVideo(), "the media handler sends no other video"],
      [() => call.openDataChannel("chat"), "the media handler has no data channels"],
      [() => call.setSpeaker("usb"), "the media handler has no speaker"],
    ] as const) {
      assert.deepEqual((await failure(attempt())).detail, { kind: "media", problem: "unsupported", message: words });
    }
    await call.play();
  });
});
