import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { gathered } from "../src/media/gathering.js";

/** As much of a connection as gathering looks at. */
class Gathering extends EventTarget {
  iceGatheringState: RTCIceGatheringState = "gathering";
  signalingState: RTCSignalingState = "have-local-offer";
  localDescription = { sdp: "" };

  found(type: RTCIceCandidateType): void {
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: { type } }));
  }

  complete(): void {
    this.localDescription.sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    this.iceGatheringState = "complete";
    this.dispatchEvent(new Event("icegatheringstatechange"));
  }
}

const STUN = [{ urls: "stun:stun.example.com" }];
const TURN = [{ urls: ["stun:turn.example.com", "turns:turn.example.com"] }];

describe("gathering", () => {
  let pc: Gathering;
  let done: boolean;
  const look = (servers: RTCIceServer[]): void => {
    void gathered(pc as unknown as RTCPeerConnection, servers, 1000).then(() => (done = true));
  };
  const isDone = async (): Promise<boolean> => {
    await Promise.resolve();
    return done;
  };
  beforeEach(() => {
    pc = new Gathering();
    done = false;
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => mock.timers.reset());

  it("without servers ends when it is complete", async () => {
    look([]);
    pc.found("host");
    assert.equal(await isDone(), false);
    pc.complete();
    assert.ok(await isDone());
  });

  it("with STUN ends at the first server-reflexive candidate", async () => {
    look(STUN);
    pc.found("host");
    assert.equal(await isDone(), false);
    pc.found("srflx");
    assert.ok(await isDone());
  });

  it("with TURN ends at the first relayed candidate", async () => {
    look(TURN);
    pc.found("srflx");
    assert.equal(await isDone(), false);
    pc.found("relay");
    assert.ok(await isDone());
  });

  it("ends at the cap, whatever is missing", async () => {
    look(TURN);
    mock.timers.tick(999);
    assert.equal(await isDone(), false);
    mock.timers.tick(1);
    assert.ok(await isDone());
  });

  it("goes on when it is complete from before a restart", async () => {
    pc.iceGatheringState = "complete";
    look([]);
    assert.equal(await isDone(), false);
    pc.complete();
    assert.ok(await isDone());
  });

  it("is over at once when it is complete already, or the call has ended", async () => {
    pc.complete();
    look(STUN);
    assert.ok(await isDone());
    done = false;
    pc = new Gathering();
    pc.signalingState = "closed";
    look(STUN);
    assert.ok(await isDone());
  });
});
