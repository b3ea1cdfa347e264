/** One that is mixed. */
interface Party {
  /** What it is sent. */
  out: MediaStreamAudioDestinationNode;
  /** What it says. */
  heard: MediaStreamAudioSourceNode | null;
  track: MediaStreamTrack | null;
  pump: HTMLAudioElement;
}

/** Mixes voices, so that each party gets ours and those of all others but its own. The keys are the caller's. */
export class Mixer {
  readonly #context: AudioContext;
  readonly #owned: boolean;
  readonly #parties = new Map<object, Party>();
  readonly #voice: GainNode;
  readonly #tap: MediaStreamAudioDestinationNode;
  #microphone: MediaStreamAudioSourceNode | null = null;

  constructor(context?: AudioContext) {
    this.#owned = context === undefined;
    this.#context = context ?? new AudioContext();
    this.#voice = this.#context.createGain();
    this.#tap = this.#context.createMediaStreamDestination();
    this.#voice.connect(this.#tap);
    // Without a touch of the page it stays silent until there is one; calls begin with one.
    this.#context.resume().catch(() => undefined);
  }

  /** Our own voice as it is mixed. */
  get voice(): MediaStream {
    return this.#tap.stream;
  }

  /** Takes our voice from there. */
  speak(track: MediaStreamTrack | null): void {
    this.#microphone?.disconnect();
    this.#microphone = track && this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#microphone?.connect(this.#voice);
  }

  mute(muted: boolean): void {
    this.#voice.gain.value = muted ? 0 : 1;
  }

  /** Mixes another; the stream is what it is to be sent. */
  add(key: object, remote: MediaStream | null): MediaStream {
    const out = this.#context.createMediaStreamDestination();
    const pump = new Audio();
    pump.muted = true;
    const party: Party = { out, heard: null, track: null, pump };
    this.#voice.connect(out);
    for (const other of this.#parties.values()) other.heard?.connect(out);
    this.#parties.set(key, party);
    this.hear(key, remote);
    return out.stream;
  }

  /** A party says this from now on. */
  hear(key: object, remote: MediaStream | null): void {
    const party = this.#parties.get(key);
    const track = remote?.getAudioTracks()[0] ?? null;
    if (!party || party.track === track) return;
    party.heard?.disconnect();
    party.track = track;
    party.heard = track && this.#context.createMediaStreamSource(new MediaStream([track]));
    // Chromium decodes what comes in only while an element plays it.
    party.pump.srcObject = track && new MediaStream([track]);
    if (track) party.pump.play().catch(() => undefined);
    for (const other of this.#parties.values()) if (other !== party) party.heard?.connect(other.out);
  }

  remove(key: object): void {
    const party = this.#parties.get(key);
    if (!party) return;
    this.#parties.delete(key);
    party.heard?.disconnect();
    party.pump.srcObject = null;
    this.#voice.disconnect(party.out);
    for (const other of this.#parties.values()) other.heard?.disconnect(party.out);
    for (const track of party.out.stream.getTracks()) track.stop();
  }

  async close(): Promise<void> {
    for (const key of [...this.#parties.keys()]) this.remove(key);
    this.#microphone?.disconnect();
    this.#voice.disconnect();
    for (const track of this.#tap.stream.getTracks()) track.stop();
    if (this.#owned) await this.#context.close();
  }
}
