/** How to measure how loud it is. */
export interface LevelOptions {
  /** How often, in milliseconds (default 50). */
  interval?: number;
  /** What measures; one of its own if absent. */
  context?: AudioContext;
}

/** Quieter than this, in dB, is no sound. */
const FLOOR = -60;

/**
 * Tells how loud a stream is, from 0 (no sound) to 1 (as loud as it can be), in equal steps for the ear: for a meter beside a
 * microphone or a speaker. Returns the function that stops it; the stream stays as it is.
 */
export function meterLevel(stream: MediaStream, listener: (level: number) => void, options: LevelOptions = {}): () => void {
  const { interval = 50, context = new AudioContext() } = options;
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  context.resume().catch(() => undefined);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((total, sample) => total + sample * sample, 0) / samples.length;
    const decibels = power > 0 ? 10 * Math.log10(power) : -Infinity;
    listener(Math.min(1, Math.max(0, 1 - decibels / FLOOR)));
  }, interval);
  return () => {
    clearInterval(timer);
    source.disconnect();
    if (!options.context) void context.close();
  };
}
