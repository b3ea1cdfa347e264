/** What the phone itself plays: a ring for incoming calls, a ringback for outgoing ones, a blip for keys. */
export class Tones {
  #context: AudioContext | null = null;
  #playing: "ring" | "ringback" | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Plays one of them until told otherwise. */
  play(what: "ring" | "ringback" | null): void {
    if (what === this.#playing) return;
    this.#playing = what;
    clearInterval(this.#timer);
    if (what === null) return void this.#context?.suspend();
    const [pattern, period] = what === "ring" ? ([ring, 2600] as const) : ([ringback, 4000] as const);
    const context = (this.#context ??= new AudioContext());
    // Without a touch of the page the browser stays silent; nothing is lost but the sound.
    context.resume().catch(() => undefined);
    pattern(context);
    this.#timer = setInterval(() => pattern(context), period);
  }
}

function ring(context: AudioContext): void {
  for (const [start, pitch] of [
    [0, 660],
    [0.18, 880],
    [0.36, 660],
    [0.54, 880],
  ] as const) {
    note(context, pitch, start, 0.16, 0.12);
  }
}

function ringback(context: AudioContext): void {
  note(context, 425, 0, 1, 0.05);
}

function note(context: AudioContext, pitch: number, start: number, length: number, loudness: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const from = context.currentTime + start;
  oscillator.frequency.value = pitch;
  gain.gain.setValueAtTime(0, from);
  gain.gain.linearRampToValueAtTime(loudness, from + 0.02);
  gain.gain.setValueAtTime(loudness, from + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, from + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(from);
  oscillator.stop(from + length);
}
