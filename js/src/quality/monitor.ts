import { Deferred } from "../async.js";
import type { Call } from "../call.js";
import { TypedEventTarget } from "../events.js";
import { codecImpairment, effectiveDelay, mosOf, rFactor } from "./e-model.js";
import { read, type Reading } from "./reading.js";

/** What is wrong. */
export type QualityProblem =
  /** Nothing arrives though nobody is on hold: the other side cannot be heard. */
  | "no-incoming-audio"
  /** The other side reports that nothing of ours arrives. */
  | "no-outgoing-audio"
  /** Not the least noise comes from the microphone, and it is not muted here. */
  | "silent-microphone"
  /** The picture of the other side stands still. */
  | "frozen-video"
  /** The MOS of what is heard has been below `poor` for a while. */
  | "poor-quality";

/** How one direction did since the sample before. */
export interface DirectionQuality {
  /** From 1 (bad) to 4.5, by the E-model (ITU-T G.107); null while nothing was measured. */
  mos: number | null;
  /** R of the E-model, from 0 to 93.2. */
  r: number | null;
  /** The part of the packets that was lost or came too late, from 0 to 1. */
  loss: number | null;
  /** Milliseconds. */
  jitter: number | null;
  /** Kilobits per second; null where it is not known. */
  bitrate: number | null;
  /** How loud it is at the moment, from 0 to 1. */
  level: number | null;
}

/** How a call did since the sample before. */
export interface QualitySample {
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** What we hear. */
  incoming: DirectionQuality;
  /** What the other side hears, as it reports (RTCP). */
  outgoing: DirectionQuality;
  /** Milliseconds. */
  roundTripTime: number | null;
  /** What the jitter buffer holds, in milliseconds. */
  bufferDelay: number | null;
  /** Mouth to ear, as it went into the E-model, in milliseconds. */
  delay: number | null;
  /** The part of what was played that was made up, from 0 to 1. */
  concealed: number | null;
  codec: string | null;
}

/** One direction of a whole call. */
export interface DirectionSummary {
  /** The mean and the worst MOS; null where nothing was measured. */
  mos: { mean: number; worst: number } | null;
  /** Of all packets, from 0 to 1. */
  loss: number | null;
  /** Milliseconds. */
  jitter: { mean: number; worst: number } | null;
}

/** How a whole call was. */
export interface QualitySummary {
  incoming: DirectionSummary;
  outgoing: DirectionSummary;
  /** Milliseconds. */
  roundTripTime: { mean: number; worst: number } | null;
  packetsReceived: number;
  packetsLost: number;
  packetsSent: number;
  codec: string | null;
  /** What was wrong, from when to when (null: to the end), in milliseconds since the Unix epoch. */
  problems: { problem: QualityProblem; from: number; to: number | null }[];
  samples: number;
}

/** What a monitor tells, by event name. Each event carries its name as `type`. */
export interface QualityEvents {
  sample: { type: "sample"; sample: QualitySample };
  /** Something is wrong from now on. */
  problem: { type: "problem"; problem: QualityProblem; at: number };
  /** It is well again. */
  solved: { type: "solved"; problem: QualityProblem; at: number };
  /** The call is over. */
  summary: { type: "summary"; summary: QualitySummary };
}

/** How to measure. Times are in milliseconds. */
export interface QualityOptions {
  /** How often (default 2000). 0: only when `measure` is called. */
  interval?: number;
  /** How long nothing may arrive before it is a problem (default 5000). */
  oneWayAfter?: number;
  /** How long a microphone may be silent as no microphone is (default 8000). */
  silentAfter?: number;
  /** How long a picture may stand still (default 3000). */
  frozenAfter?: number;
  /** The MOS below which a call is poor (default 3.1: many are dissatisfied), and for how long (default 6000). */
  poor?: number;
  poorAfter?: number;
  /** A of the E-model: what people put up with for the advantage of access (default 0). */
  advantage?: number;
}

/** What of a call is measured. */
export type Measured = Pick<Call, "state" | "onHold" | "isMuted" | "stats" | "ended">;

/** Less energy than that comes from no microphone that is on, in a second. */
const NOISE = 1e-12;

/** Measures a call from now on to its end. */
export class QualityMonitor extends TypedEventTarget<QualityEvents> {
  /** How it was, when the call is over or `stop` was called. Never rejects. */
  readonly summary: Promise<QualitySummary>;

  readonly #call: Measured;
  readonly #options: Required<QualityOptions>;
  readonly #summary = new Deferred<QualitySummary>();
  readonly #problems: QualitySummary["problems"] = [];
  /** Since when something has been as it is when it is a problem. */
  readonly #since = new Map<QualityProblem, number>();
  readonly #totals = {
    mosIn: new Series(),
    mosOut: new Series(),
    jitterIn: new Series(),
    jitterOut: new Series(),
    lossOut: new Series(),
    roundTrip: new Series(),
  };
  #timer: ReturnType<typeof setInterval> | undefined;
  #last: { reading: Reading; at: number } | null = null;
  /** Where the counting began anew, e.g. with other media. */
  #before = { received: 0, lost: 0, sent: 0 };
  #sample: QualitySample | null = null;
  #samples = 0;
  #over = false;

  constructor(call: Measured, options: QualityOptions = {}) {
    super();
    this.summary = this.#summary.promise;
    this.#call = call;
    const { interval = 2000, oneWayAfter = 5000, silentAfter = 8000, frozenAfter = 3000 } = options;
    const { poor = 3.1, poorAfter = 6000, advantage = 0 } = options;
    this.#options = { interval, oneWayAfter, silentAfter, frozenAfter, poor, poorAfter, advantage };
    if (interval > 0) this.#timer = setInterval(() => void this.measure(), interval);
    void call.ended.then(() => this.stop());
  }

  /** The last sample. */
  get sample(): QualitySample | null {
    return this.#sample;
  }

  /** What is wrong at the moment. */
  get problems(): readonly QualityProblem[] {
    return this.#problems.filter(({ to }) => to === null).map(({ problem }) => problem);
  }

  /** Takes a sample now; null while there are no media, or where nothing can be measured. */
  async measure(at = Date.now()): Promise<QualitySample | null> {
    const stats = await this.#call.stats().catch(() => null);
    if (this.#over || !stats?.report) return null;
    const reading = read(stats.report);
    const last = this.#last;
    this.#last = { reading, at };
    if (!last) return null;
    if (reading.packetsReceived < last.reading.packetsReceived || reading.packetsSent < last.reading.packetsSent) {
      const { received, lost, sent } = this.#before;
      const { packetsReceived, packetsLost, packetsSent } = last.reading;
      this.#before = { received: received + packetsReceived, lost: lost + packetsLost, sent: sent + packetsSent };
      return null;
    }
    const sample = this.#compare(last.reading, reading, at, (at - last.at) / 1000);
    this.#sample = sample;
    this.#samples++;
    this.#add(sample);
    this.emit("sample", { type: "sample", sample });
    this.#judge(last.reading, reading, sample, (at - last.at) / 1000);
    return sample;
  }

  /** Measures no more, and tells the sum. The end of the call does it by itself. */
  stop(): QualitySummary | null {
    if (this.#over) return null;
    this.#over = true;
    clearInterval(this.#timer);
    const summary = this.#sum();
    this.#summary.resolve(summary);
    this.emit("summary", { type: "summary", summary });
    return summary;
  }

  #compare(before: Reading, now: Reading, at: number, seconds: number): QualitySample {
    const codec = codecImpairment(now.codec);
    const { advantage } = this.#options;
    const received = now.packetsReceived - before.packetsReceived;
    // Packets that came after all are taken back from the lost ones.
    const missed = Math.max(0, now.packetsLost - before.packetsLost + now.packetsDiscarded - before.packetsDiscarded);
    const expected = received + Math.max(0, now.packetsLost - before.packetsLost);
    const loss = expected > 0 ? Math.min(1, missed / expected) : null;
    const emitted = now.bufferCount - before.bufferCount;
    const bufferDelay = emitted > 0 ? ((now.bufferDelay - before.bufferDelay) / emitted) * 1000 : null;
    const roundTripTime = now.roundTrip === null ? null : now.roundTrip * 1000;
    const delay = effectiveDelay(roundTripTime ?? 0, bufferDelay ?? 0, codec);
    const samples = now.samples - before.samples;
    const r = loss === null ? null : rFactor({ delay, loss: loss * 100, codec, advantage });
    // The other side's buffer is its own: ours stands for it.
    const far = now.far && rFactor({ delay, loss: now.far.loss * 100, codec, advantage });
    const kilobits = (bytes: number): number => (bytes * 8) / 1000 / seconds;
    return {
      at,
      incoming: {
        r,
        mos: r === null ? null : mosOf(r),
        loss,
        jitter: now.jitter === null ? null : now.jitter * 1000,
        bitrate: kilobits(now.bytesReceived - before.bytesReceived),
        level: now.levelIn,
      },
      outgoing: {
        r: far,
        mos: far === null ? null : mosOf(far),
        loss: now.far?.loss ?? null,
        jitter: now.far?.jitter == null ? null : now.far.jitter * 1000,
        bitrate: kilobits(now.bytesSent - before.bytesSent),
        level: now.levelOut,
      },
      roundTripTime,
      bufferDelay,
      delay: loss === null ? null : delay,
      concealed: samples > 0 ? (now.concealed - before.concealed) / samples : null,
      codec: now.codec,
    };
  }

  #add({ incoming, outgoing, roundTripTime }: QualitySample): void {
    const totals = this.#totals;
    totals.mosIn.add(incoming.mos);
    totals.mosOut.add(outgoing.mos);
    totals.jitterIn.add(incoming.jitter);
    totals.jitterOut.add(outgoing.jitter);
    totals.lossOut.add(outgoing.loss);
    totals.roundTrip.add(roundTripTime);
  }

  #judge(before: Reading, now: Reading, { at, incoming }: QualitySample, seconds: number): void {
    const { onHold, state } = this.#call;
    const { oneWayAfter, silentAfter, frozenAfter, poor, poorAfter } = this.#options;
    const talking = state === "established" && !onHold.local && !onHold.remote;
    const span = seconds * 1000;
    const see = (problem: QualityProblem, wrong: boolean, after: number): void =>
      this.#see(problem, talking && wrong, after, at, span);
    see("no-incoming-audio", now.packetsReceived === before.packetsReceived, oneWayAfter);
    const sends = now.packetsSent > before.packetsSent;
    see("no-outgoing-audio", sends && now.far !== null && now.far.loss >= 1, oneWayAfter);
    const captured = now.captured === null || before.captured === null ? null : now.captured - before.captured;
    const silent = captured !== null && captured <= NOISE * seconds && !this.#call.isMuted("audio");
    see("silent-microphone", silent, silentAfter);
    see("frozen-video", now.video !== null && before.video !== null && now.video.decoded <= before.video.decoded, frozenAfter);
    see("poor-quality", incoming.mos !== null && incoming.mos < poor, poorAfter);
  }

  /** `span`: for how long it has been like that at least, when it is seen first. */
  #see(problem: QualityProblem, wrong: boolean, after: number, at: number, span: number): void {
    const open = this.#problems.find((known) => known.problem === problem && known.to === null);
    if (!wrong) {
      this.#since.delete(problem);
      if (!open) return;
      open.to = at;
      return this.emit("solved", { type: "solved", problem, at });
    }
    const since = this.#since.get(problem) ?? at - span;
    this.#since.set(problem, since);
    if (open || at - since < after) return;
    this.#problems.push({ problem, from: since, to: null });
    this.emit("problem", { type: "problem", problem, at });
  }

  #sum(): QualitySummary {
    const { mosIn, mosOut, jitterIn, jitterOut, lossOut, roundTrip } = this.#totals;
    const { received, lost, sent } = this.#before;
    const last = this.#last?.reading;
    const packetsReceived = received + (last?.packetsReceived ?? 0);
    const packetsLost = lost + Math.max(0, last?.packetsLost ?? 0);
    const expected = packetsReceived + packetsLost;
    return {
      incoming: {
        mos: mosIn.worst("low"),
        loss: expected > 0 ? packetsLost / expected : null,
        jitter: jitterIn.worst("high"),
      },
      outgoing: { mos: mosOut.worst("low"), loss: lossOut.worst("high")?.mean ?? null, jitter: jitterOut.worst("high") },
      roundTripTime: roundTrip.worst("high"),
      packetsReceived,
      packetsLost,
      packetsSent: sent + (last?.packetsSent ?? 0),
      codec: last?.codec ?? null,
      problems: this.#problems.map((problem) => ({ ...problem })),
      samples: this.#samples,
    };
  }
}

/** Figures of which the mean and the ends are kept. */
class Series {
  #sum = 0;
  #count = 0;
  #low = Infinity;
  #high = -Infinity;

  add(value: number | null): void {
    if (value === null) return;
    this.#sum += value;
    this.#count++;
    this.#low = Math.min(this.#low, value);
    this.#high = Math.max(this.#high, value);
  }

  worst(which: "low" | "high"): { mean: number; worst: number } | null {
    if (this.#count === 0) return null;
    return { mean: this.#sum / this.#count, worst: which === "low" ? this.#low : this.#high };
  }
}
