import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Deferred } from "../src/async.js";
import type { CallStats, End } from "../src/index.js";
import { codecImpairment, effectiveDelay, type Measured, mosOf, QualityMonitor, rFactor } from "../src/quality/index.js";

const round = (value: number | null | undefined): number | null => (value == null ? null : Math.round(value * 100) / 100);

describe("the E-model", () => {
  const codec = codecImpairment("audio/PCMA");
  it("is as good as it gets without loss and delay", () => {
    assert.equal(rFactor({ delay: 0, loss: 0, codec }), 93.2);
    assert.equal(round(mosOf(93.2)), 4.41);
  });
  it("knows the scores that G.107 annex B has for R", () => {
    const table: [number, number][] = [[0, 1], [50, 2.58], [60, 3.1], [70, 3.6], [80, 4.02], [90, 4.34], [100, 4.5]];
    for (const [r, mos] of table) assert.equal(round(mosOf(r)), mos, `R ${r}`);
  });
  it("takes delay into account from 100 ms on", () => {
    const at = (delay: number): number => round(rFactor({ delay, loss: 0, codec })) ?? 0;
    assert.deepEqual([at(100), at(150), at(200), at(400)], [93.2, 93.04, 90.16, 69.13]);
  });
  it("takes loss into account by codec and bursts", () => {
    const r = (loss: number, name: string, burst = 1): number => round(rFactor({ delay: 0, loss, burst, codec: codecImpairment(name) })) ?? 0;
    assert.deepEqual([r(1, "PCMU"), r(5, "PCMU"), r(5, "PCMU", 2), r(0, "G729"), r(5, "G729")], [89.56, 77.42, 75.99, 82.2, 64.7]);
    assert.equal(r(100, "nobody knows"), 17.26);
  });
  it("has the delay of half the round trip, the buffer and the codec", () => {
    assert.equal(effectiveDelay(100, 40, codecImpairment("opus")), 116.5);
  });
});

type Stat = { type: string } & Record<string, unknown>;

/** A call whose statistics the test writes. */
class FakeCall implements Measured {
  state = "established" as const;
  onHold = { local: false, remote: false };
  muted = false;
  isMuted = (): boolean => this.muted;
  readonly over = new Deferred<End>();
  readonly ended = this.over.promise;
  readonly counted = {
    in: { packetsReceived: 0, packetsLost: 0, packetsDiscarded: 0, bytesReceived: 0, jitter: 0.004, jitterBufferDelay: 0, jitterBufferEmittedCount: 0, concealedSamples: 0, totalSamplesReceived: 0 },
    out: { packetsSent: 0, bytesSent: 0 },
    source: { totalAudioEnergy: 0, audioLevel: 0.1 },
    far: { fractionLost: 0, jitter: 0.01, roundTripTime: 0.05 },
    video: null as { framesDecoded: number; framesReceived: number } | null,
  };

  /** A second passes in which that many packets came in, of those that were sent. */
  second({ received = 50, lost = 0, sent = 50, energy = 0.01 } = {}): void {
    const { counted } = this;
    counted.in.packetsReceived += received;
    counted.in.packetsLost += lost;
    counted.in.bytesReceived += received * 100;
    counted.in.jitterBufferEmittedCount += 48_000;
    counted.in.jitterBufferDelay += 48_000 * 0.04;
    counted.in.totalSamplesReceived += 48_000;
    counted.in.concealedSamples += (lost / (received + lost || 1)) * 48_000;
    counted.out.packetsSent += sent;
    counted.out.bytesSent += sent * 100;
    counted.source.totalAudioEnergy += energy;
  }

  async stats(): Promise<CallStats> {
    const { counted } = this;
    const stats: Stat[] = [
      { type: "codec", id: "c", mimeType: "audio/opus" },
      { type: "inbound-rtp", id: "i", kind: "audio", codecId: "c", ...counted.in },
      { type: "outbound-rtp", id: "o", kind: "audio", codecId: "c", ...counted.out },
      { type: "media-source", id: "s", kind: "audio", ...counted.source },
      { type: "remote-inbound-rtp", id: "r", kind: "audio", timestamp: 1, ...counted.far },
      { type: "transport", id: "t", selectedCandidatePairId: "p" },
      { type: "candidate-pair", id: "p", currentRoundTripTime: 0.06 },
      ...(counted.video ? [{ type: "inbound-rtp", id: "v", kind: "video", ...counted.video }] : []),
    ];
    const report = new Map(stats.map((stat) => [stat["id"], stat]));
    return { report: report as ReadonlyMap<unknown, Stat> as RTCStatsReport } as CallStats;
  }
}

/** A monitor that the test lets measure, once a second. */
function monitored(): { call: FakeCall; monitor: QualityMonitor; told: string[]; pass: (seconds: number, what?: Parameters<FakeCall["second"]>[0]) => Promise<void> } {
  const call = new FakeCall();
  const monitor = new QualityMonitor(call, { interval: 0 });
  const told: string[] = [];
  let at = 0;
  monitor.on("problem", ({ problem, at }) => told.push(`${at / 1000} s: ${problem}`));
  monitor.on("solved", ({ problem, at }) => told.push(`${at / 1000} s: no more ${problem}`));
  const pass = async (seconds: number, what = {}): Promise<void> => {
    if (at === 0) await monitor.measure(at);
    for (let second = 0; second < seconds; second++) {
      call.second(what);
      await monitor.measure((at += 1000));
    }
  };
  return { call, monitor, told, pass };
}

describe("measuring a call", () => {
  it("tells both directions since the sample before", async () => {
    const { monitor, pass, call } = monitored();
    await pass(1);
    await pass(1, { received: 45, lost: 5 });
    call.counted.far.fractionLost = 0.25;
    await pass(1);
    const { sample } = monitor;
    assert.deepEqual(
      [sample?.incoming.loss, round(sample?.incoming.mos), sample?.incoming.jitter, sample?.incoming.bitrate, sample?.roundTripTime, round(sample?.bufferDelay), sample?.delay, sample?.codec],
      [0, 4.41, 4, 40, 60, 40, 96.5, "audio/opus"],
    );
    assert.deepEqual([sample?.outgoing.loss, round(sample?.outgoing.mos), sample?.outgoing.jitter, sample?.outgoing.level], [0.25, 2.36, 10, 0.1]);
  });

  it("tells of loss while there is some, not after it", async () => {
    const { monitor, pass } = monitored();
    await pass(1);
    const losses: (number | null)[] = [];
    monitor.on("sample", ({ sample }) => losses.push(sample.incoming.loss, round(sample.concealed)));
    await pass(1, { received: 45, lost: 5 });
    await pass(1);
    assert.deepEqual(losses, [0.1, 0.1, 0, 0]);
  });

  it("finds that nothing comes in, and that it does again", async () => {
    const { told, pass, monitor } = monitored();
    await pass(2);
    await pass(7, { received: 0 });
    assert.deepEqual(monitor.problems, ["no-incoming-audio"]);
    await pass(1);
    assert.deepEqual(told, ["7 s: no-incoming-audio", "10 s: no more no-incoming-audio"]);
  });

  it("finds no fault with a call on hold", async () => {
    const { told, pass, call } = monitored();
    call.onHold = { local: false, remote: true };
    await pass(20, { received: 0, energy: 0 });
    assert.deepEqual(told, []);
  });

  it("finds that the other side hears nothing", async () => {
    const { told, pass, call } = monitored();
    call.counted.far.fractionLost = 1;
    await pass(6);
    assert.deepEqual(told, ["5 s: no-outgoing-audio"]);
  });

  it("finds a silent microphone, but not one that is muted", async () => {
    const { told, pass, call } = monitored();
    call.muted = true;
    await pass(10, { energy: 0 });
    call.muted = false;
    await pass(10, { energy: 0 });
    await pass(1);
    assert.deepEqual(told, ["18 s: silent-microphone", "21 s: no more silent-microphone"]);
  });

  it("finds a picture that stands still", async () => {
    const { told, pass, call } = monitored();
    call.counted.video = { framesDecoded: 10, framesReceived: 10 };
    await pass(4);
    call.counted.video = { framesDecoded: 40, framesReceived: 40 };
    await pass(1);
    assert.deepEqual(told, ["3 s: frozen-video", "5 s: no more frozen-video"]);
  });

  it("finds a call that is poor for a while", async () => {
    const { told, pass } = monitored();
    await pass(3, { received: 30, lost: 20 });
    await pass(1);
    await pass(6, { received: 30, lost: 20 });
    assert.deepEqual(told, ["10 s: poor-quality"]);
  });

  it("sums up at the end, also over media that began anew", async () => {
    const { monitor, pass, call, told } = monitored();
    await pass(2);
    await pass(6, { received: 0 });
    Object.assign(call.counted.in, { packetsReceived: 0, packetsLost: 0 });
    await pass(1, { received: 40, lost: 10 });
    await pass(1, { received: 40, lost: 10 });
    call.over.resolve({ by: "local", status: 200, reason: "", cause: null, error: null });
    const summary = await monitor.summary;
    assert.deepEqual([summary.packetsReceived, summary.packetsLost, summary.codec], [180, 20, "audio/opus"]);
    assert.equal(summary.incoming.loss, 0.1);
    assert.equal(round(summary.incoming.mos?.worst), 2.63);
    assert.deepEqual(summary.roundTripTime, { mean: 60, worst: 60 });
    assert.deepEqual(summary.problems, [{ problem: "no-incoming-audio", from: 2000, to: 10_000 }]);
    assert.equal(told.length, 2);
    assert.equal(await monitor.measure(), null, "nothing is measured after the end");
    assert.equal(monitor.stop(), null);
  });
});
