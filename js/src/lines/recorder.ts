import { Call } from "../call.js";
import { Deferred } from "../async.js";
import { mediaError, stateError } from "../errors.js";
import { TypedEventTarget } from "../events.js";
import type { Conference } from "./conference.js";

/** Both sides in one recording, or each in one of its own. */
export type RecordingMode = "mixed" | "separate";

/** What was recorded. Which parts are there says the mode. */
export interface Recording {
  mixed: Blob | null;
  /** What we said. */
  local: Blob | null;
  /** What the other side said; of a conference, all others. */
  remote: Blob | null;
  mimeType: string;
  /** Milliseconds since the Unix epoch. */
  startedAt: number;
  /** Milliseconds. */
  duration: number;
}

/** How to record. */
export interface RecorderOptions {
  /** Default `mixed`. */
  mode?: RecordingMode;
  /** What `MediaRecorder` writes, e.g. `audio/webm;codecs=opus`; what the browser likes best if absent. */
  mimeType?: string;
  /** Bits per second of each part. */
  audioBitsPerSecond?: number;
  /** How often `data` tells of what is there by now, in milliseconds (default 1000). */
  timeslice?: number;
}

/** What a recorder tells, by event name. Each event carries its name as `type`. */
export interface RecorderEvents {
  started: { type: "started"; at: number };
  /** The next piece of a part; the pieces of one in their order are its file. */
  data: { type: "data"; part: "mixed" | "local" | "remote"; data: Blob };
  /** It is over: stopped, or the call has ended. */
  stopped: { type: "stopped"; recording: Recording };
}

type Part = RecorderEvents["data"]["part"];

/** Replaced tracks tell nobody: this often is looked for them, in milliseconds. */
const LOOK = 200;

/**
 * Records what is said in a call or a conference. It follows another microphone and another path by itself, is silent where the
 * call is muted or on hold, and stops when the call ends. Whether one may record, and that all know it, is up to you.
 *
 * ```ts
 * const recorder = new CallRecorder(call);
 * await recorder.start();
 * // …
 * const { mixed } = await recorder.stop();
 * ```
 */
export class CallRecorder extends TypedEventTarget<RecorderEvents> {
  /** What was recorded, when it is over. Never rejects; open for ever if it never began. */
  readonly done: Promise<Recording>;

  readonly #what: Call | Conference;
  readonly #mode: RecordingMode;
  readonly #options: RecorderOptions;
  readonly #done = new Deferred<Recording>();
  readonly #taps = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>();
  #context: AudioContext | null = null;
  #outs: { local: AudioNode; remote: AudioNode } | null = null;
  #recorders: { part: Part; recorder: MediaRecorder; pieces: Blob[] }[] = [];
  #startedAt = 0;
  #stopping: Promise<Recording> | null = null;
  #unlisten: () => void = () => undefined;

  constructor(what: Call | Conference, options: RecorderOptions = {}) {
    super();
    this.#what = what;
    this.#mode = options.mode ?? "mixed";
    this.#options = options;
    this.done = this.#done.promise;
  }

  /** Whether it records. */
  get recording(): boolean {
    return this.#context !== null && this.#stopping === null;
  }

  /** When it began, in milliseconds since the Unix epoch; 0 before. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** Begins. Once. Rejects with a `media` failure where the browser records nothing, or not in that type. */
  async start(): Promise<void> {
    if (this.#context) throw stateError("a recorder records once");
    if (typeof MediaRecorder === "undefined") throw mediaError("unsupported", "this browser cannot record");
    const { mimeType, audioBitsPerSecond, timeslice = 1000 } = this.#options;
    if (mimeType !== undefined && !MediaRecorder.isTypeSupported(mimeType))
      throw mediaError("unsupported", `this browser cannot record ${mimeType}`);
    if (isOver(this.#what)) throw stateError("the call has ended");
    const context = new AudioContext();
    this.#context = context;
    const local = context.createMediaStreamDestination();
    const remote = this.#mode === "mixed" ? local : context.createMediaStreamDestination();
    this.#outs = { local, remote };
    const settings = { ...(mimeType === undefined ? {} : { mimeType }), ...(audioBitsPerSecond === undefined ? {} : { audioBitsPerSecond }) };
    const parts: [Part, MediaStream][] =
      this.#mode === "mixed" ? [["mixed", local.stream]] : [["local", local.stream], ["remote", remote.stream]];
    this.#recorders = parts.map(([part, stream]) => ({ part, recorder: new MediaRecorder(stream, settings), pieces: [] }));
    await context.resume();
    this.#tap();
    const looking = setInterval(() => this.#tap(), LOOK);
    const ended = (): void => void this.stop();
    const over = this.#what instanceof Call ? this.#what.on("ended", ended) : this.#what.on("ended", ended);
    this.#unlisten = () => {
      clearInterval(looking);
      over();
    };
    for (const { part, recorder, pieces } of this.#recorders) {
      recorder.addEventListener("dataavailable", ({ data }) => {
        if (data.size === 0) return;
        pieces.push(data);
        this.emit("data", { type: "data", part, data });
      });
      recorder.start(timeslice);
    }
    this.#startedAt = Date.now();
    this.emit("started", { type: "started", at: this.#startedAt });
  }

  /** Stops, and resolves with what was recorded. Asking twice is fine. */
  stop(): Promise<Recording> {
    if (!this.#context) return Promise.reject(stateError("nothing was recorded"));
    this.#stopping ??= this.#stop(this.#context);
    return this.#stopping;
  }

  async #stop(context: AudioContext): Promise<Recording> {
    const duration = Date.now() - this.#startedAt;
    this.#unlisten();
    await Promise.all(
      this.#recorders.map(({ recorder }) => {
        if (recorder.state === "inactive") return;
        const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
        recorder.stop();
        return stopped;
      }),
    );
    for (const node of this.#taps.values()) node.disconnect();
    this.#taps.clear();
    await context.close();
    const mimeType = this.#recorders[0]?.recorder.mimeType ?? "";
    const blob = (wanted: Part): Blob | null => {
      const found = this.#recorders.find(({ part }) => part === wanted);
      return found ? new Blob(found.pieces, { type: mimeType }) : null;
    };
    const parts = { mixed: blob("mixed"), local: blob("local"), remote: blob("remote") };
    const recording = { ...parts, mimeType, startedAt: this.#startedAt, duration };
    this.#done.resolve(recording);
    this.emit("stopped", { type: "stopped", recording });
    return recording;
  }

  /** Listens to what is there now. */
  #tap(): void {
    const { local, remotes } = sides(this.#what);
    const wanted = new Map<MediaStreamTrack, AudioNode>();
    const outs = this.#outs;
    const context = this.#context;
    if (!outs || !context) return;
    const add = (stream: MediaStream | null, out: AudioNode): void =>
      stream?.getAudioTracks().forEach((track) => wanted.set(track, out));
    add(local, outs.local);
    for (const remote of remotes) add(remote, outs.remote);
    for (const [track, node] of this.#taps) {
      if (wanted.has(track)) continue;
      node.disconnect();
      this.#taps.delete(track);
    }
    for (const [track, out] of wanted) {
      if (this.#taps.has(track)) continue;
      const node = context.createMediaStreamSource(new MediaStream([track]));
      node.connect(out);
      this.#taps.set(track, node);
    }
  }
}

function sides(what: Call | Conference): { local: MediaStream | null; remotes: (MediaStream | null)[] } {
  if (what instanceof Call) return { local: what.localStream, remotes: [what.remoteStream] };
  return { local: what.localStream, remotes: what.members.map(({ remoteStream }) => remoteStream) };
}

function isOver(what: Call | Conference): boolean {
  return what instanceof Call ? what.state === "ended" : what.ended;
}
