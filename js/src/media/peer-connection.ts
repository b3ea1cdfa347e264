import { mediaError, type OffhookError, toOffhookError } from "../errors.js";
import { capture, trackKind } from "./capture.js";
import { gathered } from "./gathering.js";
import type { TrickledCandidate } from "../protocol.js";
import type {
  Candidates,
  CallStats,
  MediaChange,
  MediaEvent,
  MediaHandler,
  MediaKind,
  MediaRequest,
  MediaSource,
  OfferOptions,
} from "./handler.js";
import { Player } from "./playback.js";
import { directionsOf, hasSlides, peerOf, standingAnswer, withHold, withRefused, withSlides } from "./sdp.js";
import { Slot } from "./slot.js";
import { summarize } from "./stats.js";
import { playTones } from "./tones.js";

/** A description on its way, for a hook. */
export interface DescriptionInfo {
  type: "offer" | "answer";
  /** Whose it is. */
  from: "local" | "remote";
}

/** Options of the default media handler. They are read when a call begins: what you change counts from the next call. */
export interface PeerConnectionOptions {
  /** Where our sound comes from when `call` or `answer` do not say; the microphone if absent. */
  audio?: MediaSource;
  /** Where our picture comes from when `call` or `answer` do not say; there is none if absent. */
  video?: MediaSource;
  /** Whether to receive the video and screens of the other side (default true). */
  receiveVideo?: boolean;
  /** STUN and TURN servers (default none), or what fetches them, e.g. with credentials that end. */
  iceServers?: RTCIceServer[] | (() => Promise<RTCIceServer[]>);
  /** `relay` to go through TURN only. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** What else `RTCPeerConnection` takes. */
  configuration?: RTCConfiguration;
  /** How long to look for candidates before a description is sent, in milliseconds (default 1000). */
  gatheringTimeout?: number;
  /** The codecs to use, the best first, e.g. `{ audio: ["opus", "PCMA"] }`; all that the browser has if absent. */
  codecs?: { audio?: readonly string[]; video?: readonly string[] };
  /** Changes descriptions: ours before they are sent, theirs before they are used. */
  modify?: (sdp: string, about: DescriptionInfo) => string | Promise<string>;
  /** The element that plays the other side; one of our own if absent, none (do it yourself) if null. */
  audioElement?: HTMLMediaElement | null;
  /** The id of the speaker; the usual one if absent. */
  speaker?: string;
}

const GATHERING_TIMEOUT = 1000;

/** Firefox knows no provisional answers, but its rollback works. */
const FIREFOX = "mozInnerScreenX" in globalThis;

/** The media of one call by the browser's `RTCPeerConnection`. */
export class PeerConnectionMedia implements MediaHandler {
  onEvent: ((event: MediaEvent) => void) | null = null;

  readonly #pc: RTCPeerConnection;
  readonly #options: PeerConnectionOptions;
  readonly #player: Player | null;
  readonly #audio: Slot;
  readonly #video: Slot;
  readonly #screen: Slot;
  readonly #closed = new AbortController();
  readonly #streams: readonly string[];
  #opened = false;
  #servers: RTCIceServer[] = [];
  /** On hold, as agreed with the other side. */
  #held = false;
  /** On hold, or asking for it. */
  #silent = false;
  /** An offer that becomes the local description only when it is answered. */
  #offered: RTCSessionDescriptionInit | null = null;
  /** What the offer under way adds or removes, and how to take that back. */
  #change: { kind: MediaKind; old: MediaStreamTrack | null; undo: () => Promise<void> } | null = null;
  /** Their last offer, as it came. */
  #theirs = "";
  /** Whose early media is heard. */
  #early: string | null = null;
  /** What was found in the present ICE session. */
  #found: { list: TrickledCandidate[]; end: boolean } = { list: [], end: false };

  constructor(request: MediaRequest, options: PeerConnectionOptions = {}) {
    if (typeof RTCPeerConnection === "undefined") throw mediaError("unsupported", "there is no WebRTC here");
    this.#options = options;
    this.#streams = request.streams ?? [];
    const { audioElement = new Audio(), iceTransportPolicy = "all", iceServers, configuration } = options;
    this.#servers = (typeof iceServers !== "function" && iceServers) || configuration?.iceServers || [];
    const streams = { local: new MediaStream(), remote: new MediaStream() };
    this.#audio = new Slot("audio", request.audio ?? options.audio ?? true, streams);
    this.#video = new Slot("video", request.video ?? options.video ?? false, streams);
    this.#screen = new Slot("screen", false, { local: new MediaStream(), remote: new MediaStream() });
    const heard = (error: OffhookError | null): void =>
      this.#emit(error ? { type: "problem", error } : { type: "remote-stream" });
    this.#player = audioElement && new Player(audioElement, heard);
    if (options.speaker) this.setSpeaker(options.speaker).catch(heard);
    const pc = new RTCPeerConnection({ iceTransportPolicy, ...configuration, iceServers: this.#servers });
    this.#pc = pc;
    const until = { signal: this.#closed.signal };
    pc.addEventListener(
      "connectionstatechange",
      () => {
        const state = pc.connectionState;
        this.#emit({ type: "state", state: state === "disconnected" ? "interrupted" : state });
      },
      until,
    );
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState === "gathering") this.#found = { list: [], end: false };
    }, until);
    pc.addEventListener("icecandidate", ({ candidate }) => this.#onCandidate(candidate), until);
    pc.addEventListener("datachannel", ({ channel }) => this.#emit({ type: "datachannel", channel }), until);
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#onDevices(), until);
  }

  get localStream(): MediaStream | null {
    return this.#opened ? this.#audio.streams.local : null;
  }

  get remoteStream(): MediaStream | null {
    return unlessEmpty(this.#audio.streams.remote);
  }

  get localScreen(): MediaStream | null {
    return unlessEmpty(this.#screen.streams.local);
  }

  get remoteScreen(): MediaStream | null {
    return unlessEmpty(this.#screen.streams.remote);
  }

  get candidates(): Candidates {
    return this.#found;
  }

  async createOffer({ hold, iceRestart, change, trickle }: OfferOptions): Promise<string> {
    return this.#negotiate(async () => {
      if (!this.#opened || iceRestart) await this.#fetchServers();
      if (!this.#opened) this.#goOn();
      await this.#open([this.#audio, this.#video]);
      this.#audio.add(this.#pc, this.#options);
      if (change) await this.#begin(change);
      this.#silence(hold);
      this.#direct(false);
      const offer = await this.#pc.createOffer({ iceRestart });
      const sdp = await this.#offer(offer, iceRestart, trickle);
      return this.#outgoing("offer", hold ? withHold(sdp) : sdp);
    });
  }

  /** The media lines of a session that goes on: an offer must have them all again (RFC 3264 8). */
  #goOn(): void {
    const free = [this.#audio, this.#video, this.#screen];
    for (const kind of this.#streams) {
      const at = free.findIndex((slot) => trackKind(slot.kind) === kind);
      const [slot] = at < 0 ? [] : free.splice(at, 1);
      if (slot) slot.add(this.#pc, this.#options);
      else if (kind === "audio" || kind === "video") this.#pc.addTransceiver(kind, { direction: "inactive" });
      // A channel that the other side does not hear of.
      else if (kind === "application") this.#pc.createDataChannel("", { negotiated: true, id: 1023 });
    }
  }

  /**
   * A re-offer becomes the local description only when it is answered, so that there is nothing to roll back when it is
   * refused: rolling it back costs Chromium (148) its ICE transport. New credentials must be there first, though.
   */
  async #offer(offer: RTCSessionDescriptionInit, iceRestart: boolean, trickle?: boolean): Promise<string> {
    const { sdp } = offer;
    if (iceRestart || !this.#pc.currentRemoteDescription || !sdp?.includes("\na=candidate:")) {
      await this.#pc.setLocalDescription(offer);
      return this.#localDescription(trickle);
    }
    this.#offered = offer;
    return sdp;
  }

  /**
   * Early media of several forks: the first is heard, for no browser moves from one to another without an ICE restart.
   * So if somebody else answers, there is one; also where the early answer had to be taken for the last one, and was not.
   */
  async applyAnswer(sdp: string, early: boolean): Promise<void> {
    const pc = this.#pc;
    const heard = this.#early;
    const elsewhere = heard !== null && peerOf(heard) !== peerOf(sdp);
    if (early && heard !== null) return;
    this.#early = early ? sdp : null;
    const taken = heard !== null && pc.signalingState === "stable";
    const moved = elsewhere || (taken && directionsOf(heard) !== directionsOf(sdp));
    if (!taken) {
      await this.#negotiate(async () => {
        const offered = this.#offered;
        this.#offered = null;
        if (offered) await pc.setLocalDescription(offered);
        const type = early && !FIREFOX ? "pranswer" : "answer";
        await pc.setRemoteDescription({ type, sdp: await this.#modify(sdp, { type: "answer", from: "remote" }) });
      });
    }
    if (early) return this.#show();
    this.#held = this.#silent;
    this.#direct(this.#held);
    if (moved) this.#emit({ type: "restart" });
    this.#settle();
  }

  async applyOffer(sdp: string): Promise<void> {
    await this.#negotiate(async () => {
      this.#theirs = await this.#modify(sdp, { type: "offer", from: "remote" });
      await this.#pc.setRemoteDescription({ type: "offer", sdp: this.#theirs });
    });
  }

  async createAnswer(options?: { trickle: boolean }): Promise<string> {
    return this.#negotiate(async () => {
      if (!this.#opened) await this.#fetchServers();
      const refused = this.#adopt();
      await this.#open(this.#slots.filter(({ transceiver }) => transceiver));
      this.#direct(this.#held);
      await this.#pc.setLocalDescription(await this.#pc.createAnswer());
      const sdp = await this.#localDescription(options?.trickle);
      this.#show();
      return this.#outgoing("answer", withRefused(sdp, refused));
    });
  }

  async addCandidates(candidates: readonly TrickledCandidate[], end: boolean): Promise<void> {
    const pc = this.#pc;
    for (const { mid, candidate } of candidates) {
      // One that the browser cannot use (another address family, say) is one less.
      await pc.addIceCandidate({ sdpMid: mid, candidate: `candidate:${candidate}` }).catch(() => undefined);
    }
    if (end) await pc.addIceCandidate().catch(() => undefined);
  }

  async rollback(): Promise<void> {
    const pc = this.#pc;
    const state = pc.signalingState;
    if (state === "closed") return;
    this.#offered = null;
    await this.#negotiate(async () => {
      if (state === "have-remote-offer" || state === "have-local-pranswer") {
        await pc.setRemoteDescription({ type: "rollback" });
      } else if (state !== "stable") {
        if (FIREFOX || !pc.currentRemoteDescription) await pc.setLocalDescription({ type: "rollback" });
        else await pc.setRemoteDescription({ type: "answer", sdp: standingAnswer(pc) });
      }
      const change = this.#change;
      this.#change = null;
      await change?.undo();
    });
    const there = pc.getTransceivers();
    for (const slot of this.#slots) if (!there.includes(slot.transceiver as RTCRtpTransceiver)) slot.transceiver = null;
    this.#direct(this.#held);
    this.#silence(this.#held);
  }

  setMuted(muted: boolean, kind: MediaKind): void {
    const slot = this.#slot(kind);
    slot.muted = muted;
    slot.enable(this.#silent);
  }

  async open(kind: MediaKind, source: MediaSource): Promise<MediaStreamTrack | null> {
    return (await capture({ [kind]: source })).get(kind) ?? null;
  }

  async replaceTrack({ kind, source, track }: MediaChange): Promise<boolean> {
    const slot = this.#slot(kind);
    const { transceiver } = slot;
    // Whether we said that we send; the other side may hold us, and that is its business.
    if (!transceiver || !/send/.test(transceiver.direction) || (!track && kind !== "audio")) return false;
    const old = slot.track;
    await this.#negotiate(() => this.#send(slot, source, track));
    old?.stop();
    this.#show();
    return true;
  }

  get hasDataChannels(): boolean {
    return this.#pc.sctp !== null;
  }

  createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
    return this.#pc.createDataChannel(label, options);
  }

  async setSpeaker(deviceId: string): Promise<void> {
    if (!this.#player) throw mediaError("unsupported", "the application plays the sound itself");
    await this.#player.setSpeaker(deviceId);
  }

  async play(): Promise<void> {
    await this.#player?.play();
  }

  get canSendDtmf(): boolean {
    return this.#audio.transceiver?.sender.dtmf?.canInsertDTMF ?? false;
  }

  sendDtmf(...tones: [tones: string, duration: number, gap: number]): Promise<void> {
    const dtmf = this.#audio.transceiver?.sender.dtmf;
    if (!dtmf) return Promise.reject(mediaError("negotiation", "the other side does not take keys within the media"));
    return playTones(this.#pc, dtmf, tones, this.#closed.signal);
  }

  async stats(): Promise<CallStats> {
    return summarize(await this.#pc.getStats());
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#pc.close();
    for (const { track, transceiver } of this.#slots) {
      track?.stop();
      transceiver?.receiver.track.stop();
    }
    this.#player?.close();
    this.#emit({ type: "state", state: "closed" });
  }

  get #slots(): Slot[] {
    return [this.#audio, this.#video, this.#screen];
  }

  #slot(kind: MediaKind): Slot {
    return kind === "audio" ? this.#audio : kind === "video" ? this.#video : this.#screen;
  }

  /** Opens what is to be sent from the beginning, once. */
  async #open(slots: readonly Slot[]): Promise<void> {
    if (this.#opened) return;
    const tracks = await capture(Object.fromEntries(slots.map(({ kind, source }) => [kind, source])));
    if (this.#closed.signal.aborted) {
      for (const track of tracks.values()) track.stop();
      throw mediaError("negotiation", "the call has ended");
    }
    this.#opened = true;
    for (const slot of slots) {
      const track = tracks.get(slot.kind);
      if (track) await this.#send(slot, slot.source, track);
    }
    this.#show();
  }

  /** Puts a track where it is sent from; where there is no media line yet, an offer will bring one. */
  async #send(slot: Slot, source: MediaSource, track: MediaStreamTrack | null): Promise<void> {
    const old = slot.track;
    slot.take(source, track, this.#silent);
    try {
      if (slot.transceiver) await slot.transceiver.sender.replaceTrack(track);
      else if (track) slot.add(this.#pc, this.#options);
    } catch (thrown) {
      slot.track = old;
      throw thrown;
    }
    track?.addEventListener("ended", () => void this.#onEnded(slot, track), { signal: this.#closed.signal });
  }

  async #begin({ kind, source, track }: MediaChange): Promise<void> {
    const slot = this.#slot(kind);
    const { track: old, source: oldSource, transceiver } = slot;
    const undo = async (): Promise<void> => {
      if (!transceiver) {
        // It was never agreed on, so the next offers will not know it.
        slot.transceiver?.stop();
        slot.transceiver = null;
      }
      await this.#send(slot, oldSource, transceiver ? old : null);
    };
    this.#change = { kind, old, undo };
    await this.#send(slot, source, track);
  }

  /** Takes the media lines that the other side offers, each for what it is; those nobody has a use for are returned. */
  #adopt(): string[] {
    const refused: string[] = [];
    const sdp = this.#theirs;
    for (const transceiver of this.#pc.getTransceivers()) {
      const { mid, direction, receiver } = transceiver;
      if (mid === null || direction === "stopped" || this.#slots.some((slot) => slot.transceiver === transceiver)) continue;
      const slot = receiver.track.kind === "audio" ? this.#audio : hasSlides(sdp, mid) ? this.#screen : this.#video;
      const wanted = slot.kind === "audio" || slot.source !== false || this.#options.receiveVideo !== false;
      if (wanted && slot.isFree) slot.use(transceiver, this.#options);
      else {
        transceiver.stop();
        refused.push(mid);
      }
    }
    if (this.#slots.every(({ isFree }) => isFree) && !/^m=application [1-9]/m.test(sdp))
      throw mediaError("negotiation", "the other side offers nothing that we can take");
    return refused;
  }

  /**
   * The direction says what this side wants, whatever the other side's hold is: so neither is stuck when the other
   * resumes (RFC 6337 5.3).
   */
  #direct(hold: boolean): void {
    for (const slot of this.#slots) slot.direct(hold, slot.kind === "audio" || this.#options.receiveVideo !== false);
  }

  /** On hold nobody hears anybody, from the moment we ask for it. */
  #silence(silent: boolean): void {
    this.#silent = silent;
    for (const slot of this.#slots) slot.enable(silent);
  }

  /** Both sides have agreed. What the other side refused to take is let go. */
  #settle(): void {
    const change = this.#change;
    this.#change = null;
    change?.old?.stop();
    for (const slot of this.#slots) {
      const { track, kind } = slot;
      if (!slot.isFree || !slot.transceiver) continue;
      slot.transceiver = null;
      slot.take(false, null, false);
      if (!track) continue;
      track.stop();
      const error = mediaError("negotiation", `the other side does not take ${kind === "audio" ? "sound" : kind}`);
      if (change?.kind === kind) {
        this.#show();
        throw error;
      }
      this.#emit({ type: "problem", error });
    }
    this.#show();
  }

  /** The streams hold what is sent and received at the moment. */
  #show(): void {
    let changed = false;
    for (const slot of this.#slots) changed = slot.show() || changed;
    if (!changed) return;
    this.#emit({ type: "remote-stream" });
    if (this.remoteStream) this.#player?.show(this.remoteStream);
  }

  /** A device was unplugged, or taken away. Another microphone takes over; no camera is opened by itself. */
  async #onEnded(slot: Slot, track: MediaStreamTrack): Promise<void> {
    if (slot.track !== track) return;
    await this.#send(slot, slot.source, null).catch(() => undefined);
    slot.lost = slot.kind === "audio" && isDevice(slot.source);
    if (!(await this.#recover())) this.#emit({ type: "device", kind: slot.kind, label: null });
    this.#show();
  }

  async #onDevices(): Promise<void> {
    await this.#recover();
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (await this.#player?.checkSpeaker(devices).catch(() => false))
      this.#emit({ type: "device", kind: "speaker", label: "" });
  }

  /** Opens whatever microphone there is in place of one that was lost. */
  async #recover(): Promise<boolean> {
    const slot = this.#audio;
    if (!slot.lost) return false;
    slot.lost = false;
    const { deviceId: _, ...constraints } = typeof slot.source === "object" ? (slot.source as MediaTrackConstraints) : {};
    const source = Object.keys(constraints).length > 0 ? constraints : true;
    const track = await this.open("audio", source).catch(() => null);
    if (!track || this.#closed.signal.aborted || slot.track) {
      track?.stop();
      slot.lost = !slot.track;
      return false;
    }
    await this.#send(slot, source, track);
    this.#show();
    this.#emit({ type: "device", kind: "audio", label: track.label });
    return true;
  }

  async #fetchServers(): Promise<void> {
    const { iceServers } = this.#options;
    if (typeof iceServers !== "function") return;
    this.#servers = await iceServers();
    this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: this.#servers });
  }

  async #localDescription(trickle = false): Promise<string> {
    await gathered(this.#pc, this.#servers, this.#options.gatheringTimeout ?? GATHERING_TIMEOUT, trickle);
    const description = this.#pc.localDescription;
    if (!description) throw mediaError("negotiation", "the call has ended");
    return description.sdp;
  }

  /** Our description as it is sent. */
  #outgoing(type: "offer" | "answer", sdp: string): Promise<string> | string {
    return this.#modify(withSlides(sdp, this.#screen.streams.local), { type, from: "local" });
  }

  #modify(sdp: string, about: DescriptionInfo): Promise<string> | string {
    return this.#options.modify?.(sdp, about) ?? sdp;
  }

  #onCandidate(found: RTCIceCandidate | null): void {
    if (!found) this.#found.end = true;
    // An empty one ends those of one media line.
    else if (found.candidate && found.sdpMid !== null)
      this.#found.list.push({ mid: found.sdpMid, candidate: found.candidate.replace(/^(a=)?candidate:/, "") });
    this.#emit({ type: "candidates" });
  }

  #emit(event: MediaEvent): void {
    this.onEvent?.(event);
  }

  /** Descriptions that do not fit are the caller's to know, as one kind of error. */
  async #negotiate<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (thrown) {
      if (this.#closed.signal.aborted) throw mediaError("negotiation", "the call has ended", thrown);
      throw thrown instanceof DOMException ? mediaError("negotiation", thrown.message, thrown) : toOffhookError(thrown);
    }
  }
}

function unlessEmpty(stream: MediaStream): MediaStream | null {
  return stream.getTracks().length > 0 ? stream : null;
}

/** Whether a source is one of the computer's, not a track of the application's. */
function isDevice(source: MediaSource): boolean {
  return !(source instanceof MediaStream || source instanceof MediaStreamTrack);
}
