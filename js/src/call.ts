import type { AgentClient, AgentEvent, Request } from "./agent-client.js";
import { abortable, aborted, Deferred, ignore, Serial, throwIfAborted } from "./async.js";
import type { AnswerOptions, CallEvents, PickUpOptions, RingOptions, WaitOptions } from "./call-events.js";
import { CallMedia } from "./call-media.js";
import { sendDtmfByInfo, validateTones, type DtmfOptions } from "./dtmf.js";
import { errorFromEnd, mediaError, stateError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import { openDataChannel } from "./media/data-channel.js";
import type { CallStats, MediaHandler, MediaHandlerFactory, MediaKind, MediaSource, MediaState } from "./media/handler.js";
import { offers } from "./media/sdp.js";
import { completeTarget } from "./target.js";
import { Deciders, type Transfer, transferFields, type TransferOptions, type TransferRequest } from "./transfer.js";
import type {
  Address,
  CallId,
  CallSnapshot,
  CallState,
  Diversion,
  End,
  Feature,
  Header,
  PastTarget,
  RemoteIdentity,
  SavedCall,
  Transition,
} from "./protocol.js";

export type * from "./call-events.js";

/** A notification about one call that exists already. */
export type CallNotification = Exclude<Extract<AgentEvent, { call: CallId }>, { type: "incoming" | "transferRequest" | "saved" }>;

/** @internal What a call is made of. */
export interface CallInit {
  id: CallId;
  direction: "outgoing" | "incoming";
  local: Address;
  remote: Address;
  identity: RemoteIdentity;
  /** The Call-ID. */
  callId: string;
  headers: Header[];
  /** Incoming: whether who called, and what follows, came from somebody who is trusted. */
  trusted: boolean;
  diversions: Diversion[];
  targets: PastTarget[];
  /** Incoming: the call it takes the place of. */
  replaces: Call | null;
  /** Incoming: the call it is to be mixed with. */
  joins: Call | null;
  /** Incoming: who sent the caller here. */
  referredBy: Address | null;
  /** Incoming: the offer of the INVITE. */
  offer: string | null;
  /** Incoming: the answer need not wait for its candidates. */
  trickle: boolean;
  /** Outgoing: has made the offer already, unless the other side is `asked` for it. */
  media: MediaHandler | null;
  /** Outgoing: the other side offers. */
  asked: boolean;
  openMedia: MediaHandlerFactory;
  client: AgentClient;
  /** Outgoing: hangs up while not yet established. */
  signal: AbortSignal | undefined;
  /** It was made before the page was loaded anew. */
  restored?: { snapshot: CallSnapshot; streams: readonly string[] } | undefined;
  placeTransfer: (request: Request<"transfer" | "transferTo" | "handOver">) => Promise<Transfer>;
  /**
   * Receives the functions that feed the call; the second is false where nobody decides about transfers, the third says
   * that media which are lost may have a path again.
   */
  attach: (
    deliver: (notification: CallNotification) => void,
    decide: (request: TransferRequest) => boolean,
    restore: () => void,
  ) => void;
}

/**
 * One call, outgoing or incoming. Every promise means done: `hold()` resolves when the other side has agreed, not when
 * the request was sent. Every rejection is an `OffhookError`.
 */
export class Call extends TypedEventTarget<CallEvents> {
  /** The Call-ID: what logs and traces of the call have in common. */
  readonly callId: string;
  /** Who called whom. */
  readonly direction: "outgoing" | "incoming";
  /** This side. */
  readonly local: Address;
  /** The other side, as the call began: who called as it says itself, or who was called. For whom to show see `identity`. */
  readonly remote: Address;
  /** Incoming: the header fields of the INVITE. */
  readonly headers: readonly Header[];
  /** Incoming: it came from somebody whose assertions are believed (see `trustIdentity`); so may be what follows. */
  readonly trusted: boolean;
  /** Incoming: who diverted the call to here, the last first (Diversion, RFC 5806). */
  readonly diversions: readonly Diversion[];
  /** Incoming: where the call was meant to go, in the order of its way (History-Info, RFC 7044). */
  readonly targets: readonly PastTarget[];
  /**
   * Incoming: the call of ours that this one takes the place of (RFC 3891), e.g. when the other side transfers us to
   * somebody. It ends by itself when this one is established, and goes on as it was if this one is refused.
   */
  readonly replaces: Call | null;
  /**
   * Incoming: the call of ours that the caller wants to be mixed with (RFC 3911). What that means is yours: answer, let each
   * hear the others, and `setFeatures([["isfocus", null]])` in both.
   */
  readonly joins: Call | null;
  /** Incoming: who sent the caller here (RFC 3892), as the caller says. */
  readonly referredBy: Address | null;
  /** Answered and acknowledged; rejects with the reason if it never comes to that. May be ignored. */
  readonly established: Promise<void>;
  /** Why and by whom the call ended. Never rejects. */
  readonly ended: Promise<End>;

  readonly #id: CallId;
  readonly #client: AgentClient;
  readonly #offer: string | null;
  readonly #media: CallMedia;
  readonly #established = new Deferred<void>();
  readonly #ended = new Deferred<End>();
  readonly #history: Transition[] = [];
  readonly #dtmf = new Serial();
  readonly #deciders = new Deciders();
  readonly #placeTransfer: CallInit["placeTransfer"];
  #state: CallState;
  #end: End | null = null;
  #identity: RemoteIdentity;
  #hold = { local: false, remote: false };
  #answering: Promise<void> | null = null;
  #pickingUp: Promise<void> | null = null;
  #hangingUp: Promise<void> | null = null;

  /** @internal Calls come from `UserAgent.call` and `UserAgent.incoming`. */
  constructor(init: CallInit) {
    super();
    this.callId = init.callId;
    this.direction = init.direction;
    this.local = init.local;
    this.remote = init.remote;
    this.headers = init.headers;
    this.trusted = init.trusted;
    this.diversions = init.diversions;
    this.targets = init.targets;
    this.#identity = init.identity;
    this.replaces = init.replaces;
    this.joins = init.joins;
    this.referredBy = init.referredBy;
    this.established = this.#established.promise;
    this.ended = this.#ended.promise;
    this.#id = init.id;
    this.#client = init.client;
    this.#offer = init.offer;
    this.#placeTransfer = init.placeTransfer;
    this.#state = init.direction === "outgoing" ? "calling" : "ringing";
    if (init.restored) {
      const { state, hold, history } = init.restored.snapshot;
      this.#state = state;
      this.#hold = hold;
      this.#history.push(...history);
      this.#established.resolve();
    }
    const { id, client, direction, offer, asked, openMedia } = init;
    this.#media = new CallMedia(
      {
        id,
        client,
        direction,
        offer,
        asked,
        openMedia,
        streams: init.restored?.streams,
        established: this.#established,
        state: () => this.#state,
        over: () => this.#end !== null,
        hangUp: (reason) => ignore(this.hangup(reason)),
        tell: (event) => this.emit(event.type, event),
      },
      init.media,
      init.trickle,
    );
    if (init.signal) this.#hangUpOnAbort(init.signal);
    init.attach(
      (notification) => this.#deliver(notification),
      (request) => {
        if (this.#deciders.any) this.#deciders.tell(request);
        return this.#deciders.any;
      },
      () => this.#media.restore(),
    );
  }

  /** Where the call is now. */
  get state(): CallState {
    return this.#state;
  }

  /** Every state so far, with the time and what made it happen. */
  get history(): readonly Transition[] {
    return this.#history;
  }

  /** Who the other side is, as far as it may be believed: show `identity.shown`. It may change: see the event `identity`. */
  get identity(): RemoteIdentity {
    return this.#identity;
  }

  /** Who holds the call. */
  get onHold(): { readonly local: boolean; readonly remote: boolean } {
    return this.#hold;
  }

  /** Whether our sound is muted. */
  get muted(): boolean {
    return this.isMuted();
  }

  /** Whether that is muted. */
  isMuted(kind: MediaKind = "audio"): boolean {
    return this.#media.isMuted(kind);
  }

  /** Incoming: whether the caller offers video. */
  get offersVideo(): boolean {
    return offers(this.#offer ?? "", "video");
  }

  /** How the media is doing. */
  get mediaState(): MediaState {
    return this.#media.state;
  }

  /** The sound and the picture we send, once there is something. */
  get localStream(): MediaStream | null {
    return this.#media.handler?.localStream ?? null;
  }

  /**
   * What we hear and see of the other side, once there is something; `media` events tell when it changes. The sound is
   * played by itself unless the media options say otherwise, so mute the `<video>` that shows it.
   */
  get remoteStream(): MediaStream | null {
    return this.#media.handler?.remoteStream ?? null;
  }

  /** The screen we share. */
  get localScreen(): MediaStream | null {
    return this.#media.handler?.localScreen ?? null;
  }

  /** The screen the other side shares. */
  get remoteScreen(): MediaStream | null {
    return this.#media.handler?.remoteScreen ?? null;
  }

  /** Tells the caller that it rings here. */
  async ring(options: RingOptions = {}): Promise<void> {
    this.#expectIncoming("ring");
    const sdp = options.earlyMedia ? await this.#media.describe(options) : null;
    await this.#client.request<"ring">({ type: "ring", call: this.#id, ...(sdp === null ? {} : { sdp }) });
  }

  /**
   * Answers. Done when the caller has acknowledged it. If the microphone cannot be had it rejects with a `media`
   * failure and the call keeps ringing: answer again, or reject.
   */
  answer(options: AnswerOptions = {}): Promise<void> {
    this.#answering ??= this.#answer(options).catch((thrown: unknown) => {
      this.#answering = null;
      throw thrown;
    });
    return this.#answering;
  }

  async #answer(options: AnswerOptions): Promise<void> {
    const { headers, signal } = options;
    this.#expectIncoming("answer");
    throwIfAborted(signal);
    const sdp = await this.#media.describe(options, signal, true);
    await this.#client.request<"answer">({ type: "answer", call: this.#id, sdp, ...(headers ? { headers } : {}) });
    await this.#media.settled();
  }

  /**
   * Opens the media of a call that was restored after a reload of the page, and offers them to the other side. Done when it
   * has agreed; if it refuses, or the microphone cannot be had, this rejects and may be asked again.
   */
  pickUp(options: PickUpOptions = {}): Promise<void> {
    this.#pickingUp ??= this.#pickUp(options).catch((thrown: unknown) => {
      this.#pickingUp = null;
      throw thrown;
    });
    return this.#pickingUp;
  }

  async #pickUp(options: PickUpOptions): Promise<void> {
    this.#expectLive();
    await this.#media.pickUp(options, this.#hold.local);
  }

  /** Refuses an incoming call (486 Busy Here if no status is given). Done when the caller has it. */
  async reject(status?: number, reason?: string): Promise<void> {
    this.#expectIncoming("reject");
    await this.#client.request<"reject">({
      type: "reject",
      call: this.#id,
      ...(status === undefined ? {} : { status }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** Sends an incoming call elsewhere (302). */
  async redirect(...contacts: string[]): Promise<void> {
    this.#expectIncoming("redirect");
    await this.#client.request<"redirect">({ type: "redirect", call: this.#id, contacts });
  }

  /** Ends the call, whatever its state: cancels, rejects or hangs up. Done when it is over. Asking twice is fine. */
  hangup(reason?: string): Promise<void> {
    this.#hangingUp ??= this.#hangup(reason).catch((thrown: unknown) => {
      this.#hangingUp = null;
      throw thrown;
    });
    return this.#hangingUp;
  }

  async #hangup(reason: string | undefined): Promise<void> {
    if (this.#end) return;
    try {
      await this.#client.request<"hangup">({
        type: "hangup",
        call: this.#id,
        ...(reason === undefined ? {} : { reason }),
      });
    } catch (thrown) {
      if (!this.#end) throw thrown;
    }
  }

  /** Puts the other side on hold. Done when it has agreed; if it refuses, this rejects and the call goes on as it was. */
  async hold(options: WaitOptions = {}): Promise<void> {
    if (!this.#hold.local) await this.#media.reoffer("hold", false, options);
    this.#setHold(true, this.#hold.remote);
  }

  /** Takes the other side off hold. Done when it has agreed. */
  async resume(options: WaitOptions = {}): Promise<void> {
    if (this.#hold.local) await this.#media.reoffer("resume", false, options);
    this.#setHold(false, this.#hold.remote);
  }

  /** Offers anew, e.g. after the network has changed (`iceRestart`). Done when the other side has agreed. */
  async renegotiate(options: WaitOptions & { iceRestart?: boolean } = {}): Promise<void> {
    await this.#media.reoffer("renegotiate", options.iceRestart ?? false, options);
  }

  /**
   * Tells the other side where to reach us from now on, by UPDATE (RFC 3311), also before the call is answered; with
   * `media` it offers anew as well, which is answered at once, without asking the person there. Done when the other side
   * has agreed.
   */
  async update(options: WaitOptions & { media?: boolean; iceRestart?: boolean } = {}): Promise<void> {
    if (options.media || options.iceRestart) return this.#media.reoffer("update", options.iceRestart ?? false, options);
    throwIfAborted(options.signal);
    await abortable(this.#client.request<"update">({ type: "update", call: this.#id }), options.signal);
  }

  /** Stops sending our sound, or what is said. The other side gets silence or a black picture. */
  mute(kind: MediaKind = "audio"): void {
    this.#media.setMuted(true, kind);
  }

  /** Sends it again. */
  unmute(kind: MediaKind = "audio"): void {
    this.#media.setMuted(false, kind);
  }

  /**
   * Sends something else from now on, e.g. another microphone by its id. The other side is asked only if we sent no sound
   * before.
   */
  replaceAudio(source: MediaSource): Promise<void> {
    return this.#media.send("audio", source);
  }

  /** Sends the camera, or another source, also in place of the present one. The other side is asked if there was none. */
  addVideo(source: Exclude<MediaSource, false> = true): Promise<void> {
    return this.#media.send("video", source);
  }

  /** Sends no picture any more. */
  removeVideo(): Promise<void> {
    return this.#media.send("video", false);
  }

  /**
   * Shares the screen, or another source, beside the camera. A person who stops it in the browser stops it here too. If
   * the other side takes only one picture this rejects; `addVideo` can send the screen in the camera's place.
   */
  shareScreen(source: Exclude<MediaSource, false> = true): Promise<void> {
    return this.#media.send("screen", source);
  }

  /** Shares the screen no more. */
  stopScreen(): Promise<void> {
    return this.#media.send("screen", false);
  }

  /** Opens a data channel; done when it is open. Rejects if the other side does not take it. */
  async openDataChannel(...channel: [label: string, options?: RTCDataChannelInit]): Promise<RTCDataChannel> {
    const offer = (): Promise<void> => this.#media.reoffer("renegotiate", false, {});
    return openDataChannel(this.#media.expect(), channel, offer, this.ended);
  }

  /** Plays the other side on another speaker, by the id of the device; the usual one for an empty id. */
  async setSpeaker(deviceId: string): Promise<void> {
    const media = this.#media.expect();
    if (!media.setSpeaker) throw mediaError("unsupported", "the media handler has no speaker");
    await media.setSpeaker(deviceId);
  }

  /** Plays the sound that the browser did not allow yet; for a handler of a click. It also plays by itself after one. */
  async play(): Promise<void> {
    await this.#media.handler?.play?.();
  }

  /**
   * Plays keys (0-9 * # A-D, and `,` for a pause of 2 s) to the other side; done when the last was played or confirmed.
   * `via` says how; if absent: within the media where that was negotiated, else by INFO.
   */
  async sendDtmf(tones: string, options: DtmfOptions = {}): Promise<void> {
    const keys = validateTones(tones);
    const { duration = 160, gap = 70, via } = options;
    await this.#dtmf.run(async () => {
      this.#expectLive();
      const media = this.#media.handler;
      if (via !== "info" && media?.canSendDtmf) return media.sendDtmf(keys, duration, gap);
      if (via === "rtp") throw mediaError("negotiation", "the other side does not take keys within the media");
      return sendDtmfByInfo(keys, gap, async (tone) => {
        await this.#client.request<"dtmf">({ type: "dtmf", call: this.#id, tone, duration });
      });
    });
  }

  /** Sends something of the application's within the call. Done when the other side has accepted it. */
  async sendInfo(contentType: string, body: string): Promise<void> {
    await this.#client.request<"info">({ type: "info", call: this.#id, contentType, body });
  }

  /** The same, of a package (RFC 6086). Rejects if the other side does not take it. */
  async sendInfoPackage(name: string, contentType: string, body: string): Promise<void> {
    await this.#client.request<"info">({ type: "info", call: this.#id, package: name, contentType, body });
  }

  /**
   * Asks the other side to call somebody else in the place of this call: a blind transfer. Resolves when the request is on
   * its way; `transfer.done` is what comes of it. This call is hung up by itself when the new one is answered, and goes on
   * where that fails.
   */
  async transfer(target: string, options: TransferOptions = {}): Promise<Transfer> {
    this.#expectLive();
    const uri = completeTarget(target, this.local.uri);
    return this.#placeTransfer({ type: "transfer", call: this.#id, target: uri, ...transferFields(options) });
  }

  /**
   * Brings the other sides of this call and another together: an attended transfer. Both calls end when that has worked.
   * While the other one still rings, its answer is waited for first.
   */
  async transferTo(other: Call, options: TransferOptions = {}): Promise<Transfer> {
    this.#expectLive();
    return this.#placeTransfer({ type: "transferTo", call: this.#id, other: other.#id, ...transferFields(options) });
  }

  /**
   * Asks `peer` to take this side's place in the call, e.g. a server that parks it or plays music. The other side ends this
   * call when that has worked; it goes on where it fails.
   */
  async handOver(peer: string, options: Omit<TransferOptions, "hangUp"> = {}): Promise<Transfer> {
    this.#expectLive();
    const target = completeTarget(peer, this.local.uri);
    return this.#placeTransfer({ type: "handOver", call: this.#id, target, ...transferFields(options) });
  }

  /**
   * What this side's Contact says of it from now on, from the next request or response (RFC 3840): `[["isfocus", null]]`
   * and a `renegotiate()` tell that this is a conference. What the other side says is in `inspect()`.
   */
  async setFeatures(features: Feature[]): Promise<void> {
    await this.#client.request<"setFeatures">({ type: "setFeatures", call: this.#id, features });
  }

  /**
   * Decides about transfers the other side asks for; returns the function that stops that. Without anybody to decide,
   * here or at `UserAgent.onTransferRequest`, they are refused.
   */
  onTransferRequest(decide: (request: TransferRequest) => void): () => void {
    return this.#deciders.add(decide);
  }

  /** What the media has carried so far. Null before there is media. */
  async stats(): Promise<CallStats | null> {
    return this.#media.handler?.stats() ?? null;
  }

  /** What the agent knows of this call. */
  inspect(): Promise<CallSnapshot> {
    return this.#client.request<"inspect">({ type: "inspect", call: this.#id });
  }

  /** The call as data, with which another user agent can go on (`UserAgent.restoreCall`). Ask again when it has changed. */
  async save(): Promise<SavedCall> {
    return (await this.#client.request<"saveCall">({ type: "saveCall", call: this.#id })).saved;
  }

  // What the agent says.

  #deliver(notification: CallNotification): void {
    if (this.#end) return;
    switch (notification.type) {
      case "state":
        this.#enter(notification.state, notification.cause, notification.at);
        break;
      case "progress": {
        const { status, reason, sdp, at } = notification;
        if (sdp !== null) this.#media.early(sdp);
        this.emit("progress", { type: "progress", status, reason, earlyMedia: sdp !== null, at });
        break;
      }
      case "redirected": {
        const { status, reason, target, at } = notification;
        this.emit("redirected", { type: "redirected", status, reason, target, at });
        break;
      }
      case "answered":
        this.#media.answered(notification.sdp);
        break;
      case "offer":
        this.#media.offered(notification.sdp);
        break;
      case "negotiated":
        this.#media.negotiated(notification.sdp);
        break;
      case "identity": {
        const { identity, previous, at } = notification;
        this.#identity = identity;
        this.emit("identity", { type: "identity", identity, previous, at });
        break;
      }
      case "hold":
        this.#setHold(notification.local, notification.remote, notification.at);
        break;
      case "trickle":
        this.#media.mayTrickle();
        break;
      case "candidates":
        this.#media.addCandidates(notification.candidates, notification.end);
        break;
      case "recovered":
        this.emit("recovered", { type: "recovered", at: notification.at });
        this.#media.restore();
        break;
      case "info":
        this.emit("info", {
          type: "info",
          package: notification.package,
          contentType: notification.contentType,
          body: notification.body,
          dtmf: notification.dtmf,
          at: notification.at,
        });
        break;
      case "ended":
        this.#finish(notification.end, notification.at);
        break;
    }
  }

  #enter(state: CallState, cause: string, at: number): void {
    this.#state = state;
    this.#history.push({ at, state, cause });
    if (state === "established") {
      void this.#media.settled().then((come) => {
        if (come) this.#established.resolve();
      });
    }
    this.emit("state", { type: "state", state, cause, at });
  }

  #finish(end: End, at: number): void {
    if (this.#state !== "ended") this.#enter("ended", end.reason, at);
    this.#end = end;
    this.#media.close();
    // One that was answered and is over before its media were ready has come about all the same.
    if (this.#history.some(({ state }) => state === "established")) this.#established.resolve();
    else this.#established.reject(errorFromEnd(end));
    this.#ended.resolve(end);
    this.emit("ended", { type: "ended", end, at });
  }

  #setHold(local: boolean, remote: boolean, at = Date.now()): void {
    if (this.#hold.local === local && this.#hold.remote === remote) return;
    this.#hold = { local, remote };
    this.emit("hold", { type: "hold", local, remote, at });
  }

  #hangUpOnAbort(signal: AbortSignal): void {
    const onAbort = (): void => {
      this.#established.reject(aborted(signal));
      ignore(this.hangup());
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const forget = (): void => signal.removeEventListener("abort", onAbort);
    this.established.then(forget, forget);
  }

  // Preconditions.

  #expectLive(): void {
    if (this.#end) throw stateError("the call has ended");
  }

  #expectIncoming(operation: string): void {
    this.#expectLive();
    if (this.direction === "outgoing") throw stateError(`${operation} is for incoming calls`);
  }
}
