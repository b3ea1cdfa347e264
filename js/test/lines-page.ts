import { type Call, UserAgent } from "../src/index.js";
import { CallRecorder, type Conference, Lines, parseDialogInfo, DialogInfoState, lineState, parsePresence, presenceOf, replacementOf, writeDialogInfo, writePresence } from "../src/lines/index.js";
import { meterLevel, QualityMonitor } from "../src/quality/index.js";
import { FakeNetwork } from "./fake-network.js";

/** Alice says 300 Hz, bob 600, carol 1200, dave 2400: who hears whom can be seen in a spectrum. */
const VOICES = { alice: 300, bob: 600, carol: 1200, dave: 2400 } as const;
type Name = keyof typeof VOICES;

const context = new AudioContext();

function voice(frequency: number): MediaStream {
  const oscillator = new OscillatorNode(context, { frequency });
  const gain = new GainNode(context, { gain: 0.2 });
  const out = context.createMediaStreamDestination();
  oscillator.connect(gain).connect(out);
  oscillator.start();
  return out.stream;
}

export const lib = { CallRecorder, meterLevel, QualityMonitor, parseDialogInfo, DialogInfoState, lineState, parsePresence, presenceOf, replacementOf, writeDialogInfo, writePresence };

/** Alice with lines, and others who answer. */
export class Office {
  readonly lines: Lines;
  /** The newest call of each of the others. */
  readonly far = new Map<Name, Call>();

  static async open(): Promise<Office> {
    const network = new FakeNetwork();
    const connect = (name: Name): Promise<UserAgent> => {
      const aor = `sip:${name}@example.com`;
      const port = network.agent(aor, name);
      return UserAgent.connect({ aor, server: "ws://example.com/ws", port: async () => port, media: { audio: voice(VOICES[name]) } });
    };
    const office = new Office(new Lines(await connect("alice"), { audio: voice(VOICES.alice) }));
    for (const name of ["bob", "carol", "dave"] as const) {
      (await connect(name)).on("incoming", ({ call }) => {
        office.far.set(name, call);
        void call.answer();
      });
    }
    return office;
  }

  private constructor(lines: Lines) {
    this.lines = lines;
  }

  async call(name: Name): Promise<Call> {
    const call = await this.lines.call(name);
    await call.established;
    return call;
  }

  /** Alice in a conference with two others. */
  async three(): Promise<{ bob: Call; carol: Call; conference: Conference }> {
    const bob = await this.call("bob");
    const carol = await this.call("carol");
    return { bob, carol, conference: await this.lines.merge() };
  }

  /** Waits until one hears these voices and no other. */
  async hears(name: Name, wanted: readonly Name[], call?: Call): Promise<void> {
    const stream = (name === "alice" ? call : this.far.get(name))?.remoteStream;
    if (!stream) throw new Error(`${name} hears nobody`);
    await listens(stream, name, wanted);
  }

  async close(): Promise<void> {
    await this.lines.agent.shutdown(100);
  }
}

async function listens(stream: MediaStream, name: string, wanted: readonly Name[]): Promise<void> {
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  const deadline = performance.now() + 15_000;
  let heard = "";
  let times = 0;
  try {
    while (times < 5) {
      if (performance.now() > deadline) throw new Error(`${name} hears ${heard || "nobody"}, not ${wanted.join()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      heard = voicesIn(analyser, spectrum).join();
      times = heard === wanted.join() ? times + 1 : 0;
    }
  } finally {
    source.disconnect();
  }
}

function voicesIn(analyser: AnalyserNode, spectrum: Float32Array<ArrayBuffer>): Name[] {
  analyser.getFloatFrequencyData(spectrum);
  const width = context.sampleRate / analyser.fftSize;
  return (Object.keys(VOICES) as Name[]).filter((name) => {
    const at = Math.round(VOICES[name] / width);
    return Math.max(...spectrum.slice(at - 2, at + 3)) > -50;
  });
}

/** The voices in a recording. */
export async function voicesOf(blob: Blob): Promise<Name[]> {
  const decoded = await context.decodeAudioData(await blob.arrayBuffer());
  const offline = new OfflineAudioContext(1, decoded.length, decoded.sampleRate);
  const analyser = new AnalyserNode(offline, { fftSize: 4096, smoothingTimeConstant: 0 });
  const source = new AudioBufferSourceNode(offline, { buffer: decoded });
  source.connect(analyser).connect(offline.destination);
  source.start();
  await offline.startRendering();
  return voicesIn(analyser, new Float32Array(analyser.frequencyBinCount));
}
