import type { Page } from "@playwright/test";
import { SOON } from "./phone.js";

/** How far a level may be off, in dB: what codecs and resampling do is less. */
const EXACT = 1.5;

/**
 * Waits until a tone is to be heard at a level in the newest call: in dBov, as the native tones count (0 is the loudest
 * square wave, -3 the loudest sine). `but` is a tone that must not be heard then.
 */
export function hearsLevel(page: Page, frequency: number, level: number, but?: number): Promise<void> {
  return page.evaluate(
    async ([frequency, level, but, exact, soon]) => {
      const deadline = performance.now() + soon;
      const turn = (milliseconds: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, milliseconds));
      let stream = null;
      while (!(stream = window.softphone.calls.at(-1)?.remoteStream ?? null)) {
        if (performance.now() > deadline) throw new Error("nothing was to be heard");
        await turn(10);
      }
      const audio = new AudioContext();
      const analyser = new AnalyserNode(audio, { fftSize: 4096 });
      audio.createMediaStreamSource(stream).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      // One frequency of what was heard last, in a window by Hann: a tone that fills it measures as its own level.
      const measure = (of: number): number => {
        let [cosine, sine] = [0, 0];
        samples.forEach((sample, index) => {
          const weighed = sample * (1 - Math.cos((2 * Math.PI * (index + 0.5)) / samples.length));
          cosine += weighed * Math.cos((2 * Math.PI * of * index) / audio.sampleRate);
          sine += weighed * Math.sin((2 * Math.PI * of * index) / audio.sampleRate);
        });
        return 20 * Math.log10((Math.SQRT2 * Math.hypot(cosine, sine)) / samples.length + 1e-9);
      };
      // The middle one of three: where the browser stretches or shortens what came, the phase is another.
      const heard: number[] = [];
      try {
        for (;;) {
          analyser.getFloatTimeDomainData(samples);
          heard.push(measure(frequency));
          const last = heard.slice(-3).sort((a, b) => a - b)[1] ?? -Infinity;
          if (Math.abs(last - level) < exact && (but === undefined || measure(but) < -45)) return;
          if (performance.now() > deadline) {
            const seen = heard.slice(-20).map((value) => value.toFixed(1));
            throw new Error(`no tone of ${frequency} Hz at ${level} dBov, but ${seen.join(" ")}`);
          }
          await turn((1000 * samples.length) / audio.sampleRate);
        }
      } finally {
        await audio.close();
      }
    },
    [frequency, level, but, EXACT, SOON] as const,
  );
}
