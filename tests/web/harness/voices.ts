import type { BrowserContext, Page } from "@playwright/test";
import { SOON } from "./phone.js";

/** Pitches of which none is heard as another: not in each other's harmonics. */
export const VOICES = { alice: 310, bob: 530, carol: 910, dave: 1510 } as const;
export type Voice = keyof typeof VOICES;

/** From the next page on, the microphone of this browser says one pitch all the time: who hears whom can be told apart. */
export async function giveVoice(context: BrowserContext, who: Voice): Promise<void> {
  await context.addInitScript((frequency) => {
    navigator.mediaDevices.getUserMedia = async () => {
      const audio = new AudioContext();
      const out = audio.createMediaStreamDestination();
      const oscillator = new OscillatorNode(audio, { frequency });
      oscillator.connect(new GainNode(audio, { gain: 0.25 })).connect(out);
      oscillator.start();
      return out.stream;
    };
  }, VOICES[who]);
}

/** Waits until these voices and no other are to be heard in all calls of a softphone together, for half a second. */
export function hearsVoices(page: Page, wanted: readonly Voice[]): Promise<void> {
  return page.evaluate(
    async ([voices, wanted, soon]) => {
      const audio = new AudioContext();
      const analyser = new AnalyserNode(audio, { fftSize: 4096, smoothingTimeConstant: 0 });
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      const width = audio.sampleRate / analyser.fftSize;
      const sources = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>();
      const deadline = performance.now() + soon;
      let since: number | null = null;
      try {
        for (;;) {
          const tracks = window.softphone.calls
            .filter(({ state }) => state !== "ended")
            .flatMap(({ remoteStream }) => remoteStream?.getAudioTracks() ?? []);
          for (const track of tracks) {
            if (sources.has(track)) continue;
            const source = audio.createMediaStreamSource(new MediaStream([track]));
            source.connect(analyser);
            sources.set(track, source);
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
          analyser.getFloatFrequencyData(spectrum);
          const heard = Object.entries(voices).filter(([, pitch]) => {
            const at = Math.round(pitch / width);
            return Math.max(...spectrum.slice(at - 2, at + 3)) > -55;
          });
          const names = heard.map(([name]) => name).join();
          const now = performance.now();
          if (names !== wanted) since = null;
          else since ??= now;
          if (since !== null && now - since >= 500) return;
          if (now > deadline) throw new Error(`${names || "nobody"} is heard, not ${wanted || "nobody"}`);
        }
      } finally {
        await audio.close();
      }
    },
    [VOICES, Object.keys(VOICES).filter((name) => (wanted as readonly string[]).includes(name)).join(), SOON] as const,
  );
}
