import type {
  CallStats,
  MediaChange,
  MediaEvent,
  MediaHandler,
  MediaHandlerFactory,
  MediaKind,
  MediaRequest,
  MediaSource,
  OfferOptions,
} from "../src/media/handler.js";

/** As much of a track as the classes use. */
export class FakeTrack {
  readyState: MediaStreamTrackState = "live";
  stop(): void {
    this.readyState = "ended";
  }
}

/** A media handler that keeps what it was asked to do, and fails where the test says so. */
export class FakeMedia implements MediaHandler {
  onEvent: ((event: MediaEvent) => void) | null = null;
  readonly localStream = null;
  readonly remoteStream = null;
  readonly log: string[] = [];
  canSendDtmf = true;
  readonly muted = new Set<MediaKind>();
  /** Kinds that are sent, so that another track takes no offer. */
  readonly sending = new Set<MediaKind>(["audio"]);
  readonly opened: FakeTrack[] = [];
  closed = false;
  /** What a step throws, by its name. */
  readonly failures = new Map<string, Error>();
  /** What a step waits for, by its name. */
  readonly gates = new Map<string, Promise<void>>();

  constructor(readonly request: MediaRequest) {}

  async createOffer({ hold, iceRestart, change }: OfferOptions): Promise<string> {
    const changed = change ? ` ${change.track ? "+" : "-"}${change.kind}` : "";
    await this.#step(`createOffer${hold ? " hold" : ""}${iceRestart ? " ice-restart" : ""}${changed}`);
    return hold ? "offer sendonly" : "offer";
  }
  applyAnswer(sdp: string, early: boolean): Promise<void> {
    return this.#step(`applyAnswer ${sdp}${early ? " early" : ""}`);
  }
  applyOffer(sdp: string): Promise<void> {
    return this.#step(`applyOffer ${sdp}`);
  }
  async createAnswer(): Promise<string> {
    await this.#step("createAnswer");
    return "answer";
  }
  rollback(): Promise<void> {
    return this.#step("rollback");
  }
  setMuted(muted: boolean, kind: MediaKind): void {
    if (muted) this.muted.add(kind);
    else this.muted.delete(kind);
  }
  async open(kind: MediaKind, source: MediaSource): Promise<MediaStreamTrack | null> {
    await this.#step(`open ${kind} ${String(source)}`);
    if (source === false) return null;
    const track = new FakeTrack();
    this.opened.push(track);
    return track as Partial<MediaStreamTrack> as MediaStreamTrack;
  }
  async replaceTrack({ kind, track }: MediaChange): Promise<boolean> {
    await this.#step(`replaceTrack ${kind}`);
    return track !== null && this.sending.has(kind);
  }
  async sendDtmf(tones: string): Promise<void> {
    await this.#step(`dtmf ${tones}`);
  }
  stats(): Promise<CallStats> {
    return Promise.reject(new Error("there are none"));
  }
  close(): void {
    this.closed = true;
  }

  async #step(name: string): Promise<void> {
    this.log.push(name);
    const verb = name.split(" ")[0] ?? name;
    await this.gates.get(verb);
    const failure = this.failures.get(verb);
    if (failure) throw failure;
  }
}

/** Makes fake handlers and keeps them; `prepare` sees each before it is used. */
export function fakeMedia(
  prepare: (media: FakeMedia) => void = () => undefined,
): MediaHandlerFactory & { made: FakeMedia[] } {
  const made: FakeMedia[] = [];
  const factory = (request: MediaRequest): MediaHandler => {
    const media = new FakeMedia(request);
    prepare(media);
    made.push(media);
    return media;
  };
  return Object.assign(factory, { made });
}
