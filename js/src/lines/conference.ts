import { Serial } from "../async.js";
import type { Call } from "../call.js";
import { stateError } from "../errors.js";
import { TypedEventTarget } from "../events.js";
import { capture } from "../media/capture.js";
import type { MediaSource } from "../media/handler.js";
import { Mixer } from "./mixer.js";

/** What a conference tells, by event name. Each event carries its name as `type`. */
export interface ConferenceEvents {
  /** A call hears and is heard by all. */
  joined: { type: "joined"; call: Call };
  /** A call has left: it has ended, or is talked to alone. */
  left: { type: "left"; call: Call };
  /** Our own voice is muted, or no longer. */
  muted: { type: "muted"; muted: boolean };
  /** It is over: one is left at most, who is talked to as in any call. */
  ended: { type: "ended" };
}

/** How a conference is made. */
export interface ConferenceOptions {
  /** Where our sound comes from; the microphone if absent. */
  audio?: MediaSource;
  /** What mixes; one of its own if absent. */
  context?: AudioContext;
}

/**
 * Calls that hear each other, mixed in this page: each is sent our voice and those of all others, never its own. It ends when
 * fewer than two are left; the last one goes on as an ordinary call. `Lines.merge` makes one.
 */
export class Conference extends TypedEventTarget<ConferenceEvents> {
  readonly #mixer: Mixer;
  readonly #serial = new Serial();
  readonly #members = new Map<Call, () => void>();
  #audio: MediaSource;
  #microphone: MediaStreamTrack | null = null;
  #muted = false;
  #closed = false;

  constructor({ audio = true, context }: ConferenceOptions = {}) {
    super();
    this.#audio = audio;
    this.#mixer = new Mixer(context);
  }

  /** Who takes part. */
  get members(): readonly Call[] {
    return [...this.#members.keys()];
  }

  /** Whether our own voice is muted. */
  get muted(): boolean {
    return this.#muted;
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#closed;
  }

  /** Our own voice as it goes into the mix. */
  get localStream(): MediaStream {
    return this.#mixer.voice;
  }

  /** Lets an established call take part. Done when it is sent the mix. One on hold joins, and hears when it is resumed. */
  add(call: Call): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#closed) throw stateError("the conference is over");
      if (this.#members.has(call)) return;
      if (call.state !== "established") throw stateError("only an established call can take part");
      await this.#openMicrophone();
      const mix = this.#mixer.add(call, call.remoteStream);
      try {
        await call.replaceAudio(mix);
      } catch (thrown) {
        this.#mixer.remove(call);
        throw thrown;
      }
      const listening = [
        call.on("media", ({ remoteStream }) => this.#mixer.hear(call, remoteStream)),
        call.on("ended", () => void this.#leave(call, false).catch(() => undefined)),
      ];
      this.#members.set(call, () => listening.forEach((stop) => stop()));
      // Muted is muted: what the others say must go on.
      if (call.muted) {
        call.unmute();
        this.mute();
      }
      this.emit("joined", { type: "joined", call });
    });
  }

  /** Takes a call out; it is talked to alone. */
  remove(call: Call): Promise<void> {
    return this.#leave(call, true);
  }

  /** Takes it apart: each is talked to alone, at the same time; hold who is not to hear you before. */
  async close(): Promise<void> {
    for (const call of this.members) await this.#leave(call, true);
    await this.#end();
  }

  /** Stops sending our own voice; the others hear each other still. */
  mute(): void {
    this.#setMuted(true);
  }

  /** Sends it again. */
  unmute(): void {
    this.#setMuted(false);
  }

  /** Takes our sound from somewhere else. */
  async useMicrophone(source: MediaSource): Promise<void> {
    await this.#serial.run(async () => {
      if (this.#closed) return;
      const track = (await capture({ audio: source })).get("audio") ?? null;
      this.#audio = source;
      this.#microphone?.stop();
      this.#microphone = track;
      this.#mixer.speak(track);
    });
  }

  #leave(call: Call, alone: boolean): Promise<void> {
    return this.#serial.run(async () => {
      const forget = this.#members.get(call);
      if (!forget) return;
      this.#members.delete(call);
      forget();
      try {
        if (alone && call.state === "established") await this.#giveBack(call);
      } finally {
        this.#mixer.remove(call);
        this.emit("left", { type: "left", call });
        if (this.#members.size === 1 && !this.#closed) await this.#endWithOne();
        else if (this.#members.size === 0) await this.#end();
      }
    });
  }

  /** The last one is talked to as in any call. */
  async #endWithOne(): Promise<void> {
    for (const [call, forget] of this.#members) {
      forget();
      this.#members.delete(call);
      if (call.state === "established") await this.#giveBack(call).catch(() => undefined);
      this.#mixer.remove(call);
      this.emit("left", { type: "left", call });
    }
    await this.#end();
  }

  async #giveBack(call: Call): Promise<void> {
    if (this.#muted) call.mute();
    await call.replaceAudio(this.#audio);
  }

  async #end(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#microphone?.stop();
    await this.#mixer.close();
    this.emit("ended", { type: "ended" });
  }

  async #openMicrophone(): Promise<void> {
    if (this.#microphone) return;
    this.#microphone = (await capture({ audio: this.#audio })).get("audio") ?? null;
    this.#mixer.speak(this.#microphone);
  }

  #setMuted(muted: boolean): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    this.#mixer.mute(muted);
    this.emit("muted", { type: "muted", muted });
  }
}
