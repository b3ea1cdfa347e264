import type { AgentClient } from "./agent-client.js";
import { abortable, Deferred, ignore, throwIfAborted } from "./async.js";
import type { CallEvents, PickUpOptions, RingOptions, WaitOptions } from "./call-events.js";
import { mediaError, type OffhookError, stateError, toOffhookError } from "./errors.js";
import type {
  MediaChange,
  MediaEvent,
  MediaHandler,
  MediaHandlerFactory,
  MediaKind,
  MediaSource,
  MediaState,
} from "./media/handler.js";
import { Negotiation, type NegotiationPort, type ReofferKind } from "./negotiation.js";
import type { CallId, CallState } from "./protocol.js";

/** What the media tell of a call. */
export type MediaTold = CallEvents["media"] | CallEvents["device"] | CallEvents["datachannel"] | CallEvents["muted"];

/** @internal Whose media they are. */
export interface MediaOwner {
  readonly id: CallId;
  readonly client: AgentClient;
  readonly direction: "outgoing" | "incoming";
  /** Incoming: the offer of the INVITE. */
  readonly offer: string | null;
  /** Outgoing: the first offer is the other side's. */
  readonly asked: boolean;
  /** The media lines it had before the page was loaded anew. */
  readonly streams: readonly string[] | undefined;
  readonly established: Deferred<void>;
  readonly openMedia: MediaHandlerFactory;
  readonly state: () => CallState;
  /** Whether the call is over. */
  readonly over: () => boolean;
  /** Hangs up: a call whose media cannot come about is no call. */
  readonly hangUp: (reason: string) => void;
  readonly tell: (event: MediaTold) => void;
}

/**
 * @internal The media of one call: the handler, once there is one, its negotiation with the other side, and what is done
 * about media that are lost.
 */
export class CallMedia {
  readonly #owner: MediaOwner;
  readonly #muted = new Set<MediaKind>();
  #handler: MediaHandler | null = null;
  #negotiation: Negotiation | null = null;
  #state: MediaState = "new";
  /** Why the media did not come about. */
  #failure: OffhookError | null = null;
  #iceRestarted = false;
  #trickle: boolean;
  #localDescription: string | null = null;
  /** Rejects when the media are closed: what a peer connection was doing then never comes to an end. */
  #closed = new Deferred<never>();

  /** `handler`: has made the offer already, unless the other side is asked for it. */
  constructor(owner: MediaOwner, handler: MediaHandler | null, trickle: boolean) {
    this.#owner = owner;
    this.#trickle = trickle;
    if (handler) this.#use(handler);
  }

  get handler(): MediaHandler | null {
    return this.#handler;
  }

  get state(): MediaState {
    return this.#state;
  }

  isMuted(kind: MediaKind): boolean {
    return this.#muted.has(kind);
  }

  setMuted(muted: boolean, kind: MediaKind): void {
    if (this.#muted.has(kind) === muted) return;
    if (muted) this.#muted.add(kind);
    else this.#muted.delete(kind);
    this.#handler?.setMuted(muted, kind);
    this.#owner.tell({ type: "muted", kind, muted });
  }

  /** Our description for an incoming call, made once. `answering`: it is for the answer, not for early media. */
  async describe({ audio, video }: RingOptions, signal?: AbortSignal, answering = false): Promise<string> {
    if (this.#localDescription !== null) return this.#localDescription;
    const { direction, offer, openMedia } = this.#owner;
    const media = openMedia({ direction, audio, video });
    this.#use(media);
    try {
      const sdp = await abortable(this.#whileOpen(describeWith(media, offer, answering && this.#trickle)), signal);
      if (this.#owner.over()) throw stateError("the call has ended");
      this.#localDescription = sdp;
      this.#tellCandidates();
      return sdp;
    } catch (thrown) {
      this.close();
      if (this.#owner.over()) throw stateError("the call has ended");
      throw toOffhookError(thrown);
    }
  }

  /** Opens the media of a call that was restored, and offers them. */
  async pickUp({ audio, video, signal }: PickUpOptions, held: boolean): Promise<void> {
    if (this.#handler) return;
    const { direction, openMedia, streams } = this.#owner;
    if (!streams) throw stateError("pickUp is for calls that were restored");
    this.#use(openMedia({ direction, audio, video, streams }));
    try {
      await this.reoffer(held ? "hold" : "renegotiate", false, { ...(signal ? { signal } : {}) });
    } catch (thrown) {
      if (!this.#owner.over()) this.close();
      throw toOffhookError(thrown);
    }
  }

  /** Sends something else, or something more. */
  async send(kind: MediaKind, source: MediaSource): Promise<void> {
    const media = this.expect();
    if (!media.open) throw mediaError("unsupported", `the media handler sends no other ${kind}`);
    const track = await media.open(kind, source);
    const change = { kind, source, track };
    try {
      if (this.#owner.over()) throw stateError("the call has ended");
      if (!(await media.replaceTrack?.(change))) await this.reoffer("renegotiate", false, {}, change);
    } catch (thrown) {
      track?.stop();
      throw toOffhookError(thrown);
    }
  }

  /** Offers anew; done when the other side has agreed. */
  reoffer(kind: ReofferKind, iceRestart: boolean, { signal }: WaitOptions, change?: MediaChange): Promise<void> {
    throwIfAborted(signal);
    if (this.#owner.state() !== "established" || !this.#negotiation) {
      throw stateError(
        this.#owner.over() ? "the call has ended" : `${kind} is possible only in an established call`,
      );
    }
    return abortable(this.#whileOpen(this.#negotiation.reoffer(kind, iceRestart, change)), signal);
  }

  /** The handler of a call that has one. */
  expect(): MediaHandler {
    if (this.#owner.over()) throw stateError("the call has ended");
    if (!this.#handler) throw stateError("the call has no media yet");
    return this.#handler;
  }

  close(): void {
    const media = this.#handler;
    if (!media) return;
    media.onEvent = null;
    media.close();
    this.#closed.reject(stateError("the call has ended"));
    this.#state = "closed";
    if (!this.#owner.over()) {
      this.#handler = null;
      this.#negotiation = null;
      this.#state = "new";
    }
  }

  /** Nothing is under way, and the media have come about, or are closed; rejects never. */
  async settled(): Promise<boolean> {
    if (this.#negotiation) await this.#whileOpen(this.#negotiation.settled()).catch(() => undefined);
    return !this.#failure;
  }

  #whileOpen<T>(work: Promise<T>): Promise<T> {
    ignore(work);
    return Promise.race([work, this.#closed.promise]);
  }

  // What the other side says.

  /** The first answer. A call whose media cannot come about is hung up, and `established` says why. */
  answered(sdp: string | null): void {
    const { asked, direction } = this.#owner;
    // It was their offer, which is answered already.
    if (asked || (sdp === null && direction === "incoming")) return;
    this.#negotiation?.answer(sdp).catch((thrown: unknown) => {
      if (this.#owner.over()) return;
      this.#failure = toOffhookError(thrown);
      this.#problem(this.#failure);
      this.#owner.established.reject(this.#failure);
      this.#owner.hangUp("media could not be negotiated");
    });
  }

  early(sdp: string): void {
    // A preview of an offer: only one that came reliably can be answered.
    if (this.#owner.asked) return;
    this.#attempt(this.#negotiation?.early(sdp));
  }

  offered(sdp: string | null): void {
    const { client, id: call } = this.#owner;
    this.#attempt(
      this.#negotiation?.remoteOffer(sdp) ?? client.request<"rejectOffer">({ type: "rejectOffer", call, status: 488 }),
    );
  }

  negotiated(sdp: string): void {
    this.#attempt(this.#negotiation?.negotiated(sdp));
  }

  /** The other side takes candidates one by one. */
  mayTrickle(): void {
    this.#trickle = true;
    if (this.#negotiation) this.#negotiation.trickle = true;
    this.#tellCandidates();
  }

  addCandidates(...candidates: Parameters<Negotiation["addCandidates"]>): void {
    ignore(this.#negotiation?.addCandidates(...candidates) ?? Promise.resolve());
  }

  /** The network is another, or is back: media without a path get another try, without waiting for it to be given up. */
  restore(): void {
    if (this.#state !== "interrupted" && this.#state !== "failed") return;
    this.#iceRestarted = false;
    this.#restartIce();
  }

  /** What cannot be made of the offer that the call begins with ends it, and `established` says why. */
  #failFirstOffer(cause: unknown): void {
    if (!this.#owner.asked || this.#owner.state() === "established") return;
    this.#failure = toOffhookError(cause);
    this.#owner.established.reject(this.#failure);
  }

  #use(media: MediaHandler): void {
    this.#handler = media;
    this.#closed = new Deferred();
    const { client, id: call, direction, offer, streams } = this.#owner;
    const port: NegotiationPort = {
      offer: async (kind, sdp) => (await client.request<ReofferKind>({ type: kind, call, sdp })).sdp,
      acceptOffer: async (sdp) => {
        await client.request<"acceptOffer">({ type: "acceptOffer", call, sdp });
      },
      rejectOffer: async (status, cause) => {
        this.#failFirstOffer(cause);
        await client.request<"rejectOffer">({ type: "rejectOffer", call, status });
      },
    };
    const asked = direction === "incoming" && offer === null && !streams;
    this.#negotiation = new Negotiation(media, port, asked);
    this.#negotiation.trickle = this.#trickle;
    for (const kind of this.#muted) media.setMuted(true, kind);
    media.onEvent = (event) => this.#onEvent(event);
  }

  #onEvent(event: MediaEvent): void {
    switch (event.type) {
      case "state":
        this.#state = event.state;
        this.#tell(event.state === "failed" ? mediaError("ice", "no path for the sound was found, or it was lost") : null);
        if (event.state === "connected") this.#iceRestarted = false;
        if (event.state === "failed") this.#restartIce();
        break;
      case "candidates":
        this.#tellCandidates();
        break;
      case "remote-stream":
        this.#tell(null);
        break;
      case "problem":
        this.#problem(event.error);
        break;
      case "device":
        this.#owner.tell(event);
        if (event.kind === "screen") this.#attempt(this.send("screen", false));
        break;
      case "datachannel":
        this.#owner.tell(event);
        break;
      case "restart":
        this.#owner.established.promise.then(() => this.#restartIce(), () => undefined);
        break;
    }
  }

  /** Hands over what was found beyond the description, where the other side takes that; the agent knows what is new. */
  #tellCandidates(): void {
    const { client, id: call } = this.#owner;
    const candidates = this.#handler?.candidates;
    if (!this.#trickle || this.#owner.over() || !candidates || (candidates.list.length === 0 && !candidates.end)) return;
    const { list, end } = candidates;
    ignore(client.request<"trickle">({ type: "trickle", call, candidates: [...list], end }));
  }

  /** Lost media is no reason to hang up: look for another path once, then leave it to the people. */
  #restartIce(): void {
    if (this.#iceRestarted || this.#owner.state() !== "established") return;
    this.#iceRestarted = true;
    this.#attempt(this.#negotiation?.reoffer("renegotiate", true));
  }

  /** What goes wrong on the way is told. */
  #attempt(step: Promise<unknown> | undefined): void {
    step?.catch((thrown: unknown) => this.#problem(toOffhookError(thrown)));
  }

  #problem(error: OffhookError): void {
    if (!this.#owner.over()) this.#tell(error);
  }

  #tell(error: OffhookError | null): void {
    this.#owner.tell({ type: "media", state: this.#state, remoteStream: this.#handler?.remoteStream ?? null, error });
  }
}

async function describeWith(media: MediaHandler, offer: string | null, trickle: boolean): Promise<string> {
  if (offer === null) return media.createOffer({ hold: false, iceRestart: false });
  await media.applyOffer(offer);
  return media.createAnswer({ trickle });
}
