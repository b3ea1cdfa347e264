/** What the phone itself plays: a ring, a knock for a second caller, a ringback. */
export type Sound = "ring" | "waiting" | "ringback";

interface Pattern {
  /** Start in seconds, pitch in hertz, length in seconds. */
  notes: readonly (readonly [start: number, pitch: number, length: number])[];
  loudness: number;
  /** Milliseconds. */
  period: number;
}

const PATTERNS: Record<Sound, Pattern> = {
  // A falling fourth, twice, with a grace note: heard across a room, and not a shock.
  ring: {
    notes: [
      [0, 784, 0.14],
      [0.14, 1047, 0.3],
      [0.46, 784, 0.3],
      [0.9, 784, 0.14],
      [1.04, 1047, 0.3],
      [1.36, 784, 0.4],
    ],
    loudness: 0.16,
    period: 3400,
  },
  waiting: { notes: [[0, 523, 0.12], [0.16, 659, 0.16]], loudness: 0.05, period: 4000 },
  ringback: { notes: [[0, 425, 1]], loudness: 0.04, period: 4000 },
};

/** Plays one of them at a time. */
export class Tones {
  #context: AudioContext | null = null;
  #playing: Sound | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Of the ring, from 0 to 1. */
  volume = 1;

  /** Plays that until told otherwise. */
  play(what: Sound | null): void {
    if (what === this.#playing) return;
    this.#playing = what;
    clearInterval(this.#timer);
    if (what === null) return void this.#context?.suspend();
    const pattern = PATTERNS[what];
    const context = (this.#context ??= new AudioContext());
    // Without a touch of the page the browser stays silent; nothing is lost but the sound.
    context.resume().catch(() => undefined);
    const once = (): void => this.#sound(context, what, pattern);
    once();
    this.#timer = setInterval(once, pattern.period);
  }

  /** Plays the ring once, to hear how loud it is. */
  tryRing(): void {
    const context = (this.#context ??= new AudioContext());
    context.resume().catch(() => undefined);
    this.#sound(context, "ring", PATTERNS.ring);
  }

  #sound(context: AudioContext, what: Sound, { notes, loudness }: Pattern): void {
    const volume = what === "ring" ? this.volume : 1;
    for (const [start, pitch, length] of notes) note(context, pitch, start, length, loudness * volume);
  }
}

function note(context: AudioContext, pitch: number, start: number, length: number, loudness: number): void {
  const from = context.currentTime + start;
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, from);
  gain.gain.linearRampToValueAtTime(loudness, from + 0.02);
  gain.gain.setValueAtTime(loudness, from + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, from + length);
  gain.connect(context.destination);
  for (const [times, part] of [[1, 1], [2, 0.25]] as const) {
    const oscillator = new OscillatorNode(context, { frequency: pitch * times });
    oscillator.connect(new GainNode(context, { gain: part })).connect(gain);
    oscillator.start(from);
    oscillator.stop(from + length);
  }
}
