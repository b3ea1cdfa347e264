import { SDP } from "./wire.js";
import JsSIP from "jssip";
import Parser from "jssip/lib/Parser.js";

/** As much of WebRTC as JsSIP wants. */
class Connection extends EventTarget {
  iceGatheringState = "complete";
  iceConnectionState = "connected";
  connectionState = "connected";
  signalingState = "stable";
  localDescription = null;
  remoteDescription = null;
  getSenders = () => [];
  getReceivers = () => [];
  addTrack() {}
  addStream() {}
  addTransceiver() {}
  createOffer = async () => ({ type: "offer", sdp: SDP });
  createAnswer = async () => ({ type: "answer", sdp: SDP });
  async setLocalDescription(description) {
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
  }
  close() {
    this.signalingState = "closed";
  }
}
globalThis.RTCPeerConnection = Connection;
globalThis.RTCSessionDescription = class {
  constructor(description) {
    Object.assign(this, description);
  }
};

let agents = null;
const happens = (on, event) => new Promise((resolve) => on.once(event, resolve));
const media = { mediaStream: new MediaStream() };

function agent(user) {
  const socket = new JsSIP.WebSocketInterface(`ws://wire.test/${user}`);
  return new JsSIP.UA({
    sockets: [socket],
    uri: `sip:${user}@wire.test`,
    contact_uri: `sip:${user}@${user}.invalid;transport=ws`,
    register: false,
    session_timers: false,
  });
}

globalThis.subject = {
  async prepare() {
    const [alice, bob] = ["alice", "bob"].map(agent);
    const up = Promise.all([happens(alice, "connected"), happens(bob, "connected")]);
    alice.start();
    bob.start();
    await up;
    bob.on("newRTCSession", ({ session }) => session.answer(media));
    agents = { alice, bob };
  },
  async call() {
    const called = new Promise((resolve) =>
      agents.bob.once("newRTCSession", ({ session }) => resolve(happens(session, "ended"))),
    );
    const session = agents.alice.call("sip:bob@wire.test", media);
    await happens(session, "confirmed");
    session.terminate();
    await (await called);
  },
  parse(text) {
    const message = Parser.parseMessage(text, agents.alice);
    const { via_branch, from_tag, to, call_id, cseq } = message;
    return via_branch.length + from_tag.length + to.uri.toString().length + call_id.length + cseq + message.parseHeader("contact", 0).uri.user.length;
  },
  wasmBytes: () => 0,
};
