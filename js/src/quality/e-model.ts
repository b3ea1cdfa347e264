/**
 * The E-model of ITU-T G.107 (06/2015) with the default values of its table 2 for everything that a packet network does not
 * change: the loudness ratings, room noise, sidetone. Echo is taken to be cancelled (TELR 65 dB and more), as browsers do.
 */
export interface EModelInputs {
  /** Ta: the absolute delay from mouth to ear, in milliseconds. */
  delay: number;
  /** Ppl: the packets that were lost or came too late to be played, in percent. */
  loss: number;
  /** BurstR: how much losses come in bursts; 1 (the default) if each is by itself. */
  burst?: number;
  /** What the codec costs. */
  codec: CodecImpairment;
  /** A: what people put up with for the advantage of access; 0 (the default) for a wired phone, 5 to 20 where they move about. */
  advantage?: number;
}

/** What a codec costs (ITU-T G.113 appendix I). */
export interface CodecImpairment {
  /** Ie: the equipment impairment factor without loss. */
  impairment: number;
  /** Bpl: the packet-loss robustness factor. */
  robustness: number;
  /** The delay of the algorithm and of one packet, in milliseconds. */
  delay: number;
}

/** R of a call where nothing is lost and nothing is late: Ro - Is with the default values. */
const BEST = 93.2;

/** G.711 with concealment: what G.113 has for it. */
const G711: CodecImpairment = { impairment: 0, robustness: 25.1, delay: 20 };

/**
 * By the name in `a=rtpmap`, in lower case. G.113 has no figures for Opus, nor for wideband on the scale of G.107: they are taken
 * to be no worse than G.711 with concealment, so that the MOS of different codecs is on one scale (4.4 is the best there is).
 */
const CODECS: Readonly<Record<string, CodecImpairment>> = {
  pcmu: G711,
  pcma: G711,
  g722: { ...G711, delay: 22 },
  opus: { ...G711, delay: 26.5 },
  g729: { impairment: 11, robustness: 19, delay: 25 },
  ilbc: { impairment: 11, robustness: 32, delay: 30 },
  gsm: { impairment: 20, robustness: 10, delay: 20 },
  amr: { impairment: 5, robustness: 10, delay: 25 },
};

/** What a codec costs, by its name (`opus`, also `audio/opus`); G.711 where it is not known. */
export function codecImpairment(name: string | null): CodecImpairment {
  return CODECS[(name ?? "").toLowerCase().replace(/^audio\//, "")] ?? G711;
}

/**
 * Ta in milliseconds, of what a browser measures: half of the round trip, what the jitter buffer holds, and the codec.
 * Everything is in milliseconds.
 */
export function effectiveDelay(roundTrip: number, buffered: number, codec: CodecImpairment): number {
  return roundTrip / 2 + buffered + codec.delay;
}

/** R: 0 (nobody would use it) to 93.2 (as good as it gets). G.107 formula 7-1. */
export function rFactor({ delay, loss, burst = 1, codec, advantage = 0 }: EModelInputs): number {
  const r = BEST - delayImpairment(Math.max(0, delay)) - lossImpairment(Math.max(0, loss), burst, codec) + advantage;
  return Math.min(100, Math.max(0, r));
}

/** Idd: that it is hard to talk when the other side hears late. G.107 formula 7-27. */
function delayImpairment(delay: number): number {
  if (delay <= 100) return 0;
  const x = Math.log2(delay / 100);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/** Ie-eff: what the codec costs, with the loss. G.107 formula 7-29. */
function lossImpairment(loss: number, burst: number, { impairment, robustness }: CodecImpairment): number {
  return impairment + (95 - impairment) * (loss / (loss / burst + robustness));
}

/** The mean opinion score that goes with an R, from 1 (bad) to 4.5. G.107 annex B. */
export function mosOf(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}
