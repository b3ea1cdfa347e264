import { mediaError, type OffhookError, toOffhookError } from "../errors.js";
import { gathered } from "./gathering.js";
import type {
  AudioSource,
  CallStats,
  MediaEvent,
  MediaHandler,
  MediaRequest,
  MediaState,
  OfferOptions,
} from "./handler.js";
import { openAudio } from "./microphone.js";
import { standingAnswer, withHold } from "./sdp.js";
import { summarize } from "./stats.js";

/** Options of the default media handler. */
export interface PeerConnectionOptions {
  /** Where our sound comes from when `call` or `answer` do not say; the microphone if absent. */
  audio?: AudioSource;
  /** STUN and TURN servers (default none). */
  iceServers?: RTCIceServer[];
  /** `relay` to go through TURN only. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** How long to look for candidates before a description is sent, in milliseconds (default 1000). */
  gatheringTimeout?: number;
  /** The element that plays the other side; one of our own if absent, none (do it yourself) if null. */
  audioElement?: HTMLAudioElement | null;
}

const GATHERING_TIMEOUT = 1000;

/** The audio of one call by the browser's `RTCPeerConnection`. */
export class PeerConnectionMedia implements MediaHandler {
  onEvent: ((event: MediaEvent) => void) | null = null;

  readonly #pc: RTCPeerConnection;
  readonly #options: PeerConnectionOptions;
  readonly #source: AudioSource;
  readonly #remote = new MediaStream();
  readonly #element: HTMLAudioElement | null;
  #local: MediaStream | null = null;
  #transceiver: RTCRtpTransceiver | null = null;
  #muted = false;
  /** On hold, as agreed with the other side. */
  #held = false;
  /** On hold, or asking for it. */
  #silent = false;
  /** An offer that becomes the local description only when it is answered. */
  #offered: RTCSessionDescriptionInit | null = null;
  /** Gives up the keys being played. */
  #stopDtmf: () => void = () => undefined;

  constructor(request: MediaRequest, options: PeerConnectionOptions = {}) {
    if (typeof RTCPeerConnection === "undefined") throw mediaError("unsupported", "there is no WebRTC here");
    this.#options = options;
    this.#source = request.audio ?? options.audio ?? true;
    this.#element = options.audioElement === undefined ? new Audio() : options.audioElement;
    this.#pc = new RTCPeerConnection({
      iceServers: options.iceServers ?? [],
      iceTransportPolicy: options.iceTransportPolicy ?? "all",
    });
    this.#pc.addEventListener("connectionstatechange", () => this.#emit({ type: "state", state: this.#state() }));
    this.#pc.addEventListener("track", ({ track }) => this.#onTrack(track));
  }

  get localStream(): MediaStream | null {
    return this.#local;
  }

  get remoteStream(): MediaStream | null {
    return this.#remote.getTracks().length > 0 ? this.#remote : null;
  }

  async createOffer({ hold, iceRestart }: OfferOptions): Promise<string> {
    return this.#negotiate(async () => {
      await this.#openInput();
      this.#transceiver ??= this.#pc.addTransceiver("audio", { direction: "recvonly" });
      this.#silence(hold);
      this.#direct(this.#transceiver, false);
      const sdp = await this.#offer(await this.#pc.createOffer({ iceRestart }), iceRestart);
      return hold ? withHold(sdp) : sdp;
    });
  }

  /**
   * A re-offer becomes the local description only when it is answered, so that there is nothing to roll back when it is
   * refused: rolling it back costs Chromium (148) its ICE transport. New credentials must be there first, though.
   */
  async #offer(offer: RTCSessionDescriptionInit, iceRestart: boolean): Promise<string> {
    const { sdp } = offer;
    if (iceRestart || !this.#pc.currentRemoteDescription || !sdp?.includes("\na=candidate:")) {
      await this.#pc.setLocalDescription(offer);
      return this.#localDescription();
    }
    this.#offered = offer;
    return sdp;
  }

  async applyAnswer(sdp: string, early: boolean): Promise<void> {
    await this.#negotiate(async () => {
      const offered = this.#offered;
      this.#offered = null;
      if (offered) await this.#pc.setLocalDescription(offered);
      await this.#pc.setRemoteDescription({ type: early ? "pranswer" : "answer", sdp });
    });
    if (early) return;
    this.#held = this.#silent;
    if (this.#transceiver) this.#direct(this.#transceiver, this.#held);
  }

  async applyOffer(sdp: string): Promise<void> {
    await this.#negotiate(() => this.#pc.setRemoteDescription({ type: "offer", sdp }));
  }

  async createAnswer(): Promise<string> {
    return this.#negotiate(async () => {
      await this.#openInput();
      for (const transceiver of this.#pc.getTransceivers()) {
        if (transceiver.receiver.track.kind === "audio") this.#transceiver ??= transceiver;
        if (transceiver !== this.#transceiver && transceiver.direction !== "stopped") transceiver.stop();
      }
      if (!this.#transceiver) throw mediaError("negotiation", "the other side offers no sound");
      this.#direct(this.#transceiver, this.#held);
      await this.#pc.setLocalDescription(await this.#pc.createAnswer());
      return this.#localDescription();
    });
  }

  async rollback(): Promise<void> {
    const pc = this.#pc;
    const state = pc.signalingState;
    if (state === "closed") return;
    this.#offered = null;
    if (state !== "stable") {
      const theirs = state === "have-remote-offer" || state === "have-local-pranswer";
      await this.#negotiate(() => {
        if (theirs) return pc.setRemoteDescription({ type: "rollback" });
        if (!pc.currentRemoteDescription) return pc.setLocalDescription({ type: "rollback" });
        return pc.setRemoteDescription({ type: "answer", sdp: standingAnswer(pc) });
      });
    }
    if (this.#transceiver) this.#direct(this.#transceiver, this.#held);
    this.#silence(this.#held);
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#enableTracks();
  }

  async replaceAudio(source: AudioSource): Promise<void> {
    const sender = this.#transceiver?.sender;
    if (!sender || !this.#local) throw mediaError("unsupported", "the call sends no sound");
    const track = await openAudio(source);
    try {
      await sender.replaceTrack(track);
    } catch (thrown) {
      track?.stop();
      throw mediaError("negotiation", message(thrown), thrown);
    }
    for (const old of this.#local.getTracks()) {
      this.#local.removeTrack(old);
      old.stop();
    }
    if (track) this.#local.addTrack(track);
    this.#enableTracks();
  }

  get canSendDtmf(): boolean {
    return this.#transceiver?.sender.dtmf?.canInsertDTMF ?? false;
  }

  sendDtmf(tones: string, duration: number, gap: number): Promise<void> {
    const dtmf = this.#transceiver?.sender.dtmf;
    if (!dtmf) return Promise.reject(mediaError("negotiation", "the other side does not take keys within the media"));
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        dtmf.removeEventListener("tonechange", onTone);
        this.#pc.removeEventListener("connectionstatechange", onState);
      };
      const onTone = ({ tone }: RTCDTMFToneChangeEvent): void => {
        if (tone !== "") return;
        stop();
        resolve();
      };
      const onState = (): void => {
        if (this.#pc.connectionState !== "failed") return;
        stop();
        reject(mediaError("ice", "the keys could not be sent: the media is gone"));
      };
      dtmf.addEventListener("tonechange", onTone);
      this.#pc.addEventListener("connectionstatechange", onState);
      this.#stopDtmf = () => {
        stop();
        reject(mediaError("ice", "the call ended before the keys were sent"));
      };
      dtmf.insertDTMF(tones, duration, gap);
    });
  }

  async stats(): Promise<CallStats> {
    return summarize(await this.#pc.getStats());
  }

  close(): void {
    if (this.#pc.signalingState === "closed") return;
    this.#stopDtmf();
    this.#pc.close();
    for (const track of this.#local?.getTracks() ?? []) track.stop();
    for (const track of this.#remote.getTracks()) track.stop();
    if (this.#element) {
      this.#element.pause();
      this.#element.srcObject = null;
    }
    this.#emit({ type: "state", state: "closed" });
  }

  /** Opens what is to be sent, once. */
  async #openInput(): Promise<void> {
    if (this.#local) return;
    const track = await openAudio(this.#source);
    if (this.#pc.signalingState === "closed") {
      track?.stop();
      throw mediaError("negotiation", "the call has ended");
    }
    this.#local = new MediaStream(track ? [track] : []);
    if (!track) return;
    track.addEventListener("ended", () =>
      this.#emit({ type: "problem", error: mediaError("no-device", "the microphone was unplugged or taken away") }),
    );
    const sender = this.#pc.addTrack(track, this.#local);
    this.#transceiver = this.#pc.getTransceivers().find((transceiver) => transceiver.sender === sender) ?? null;
    this.#enableTracks();
  }

  async #localDescription(): Promise<string> {
    const { iceServers = [], gatheringTimeout = GATHERING_TIMEOUT } = this.#options;
    await gathered(this.#pc, iceServers, gatheringTimeout);
    const description = this.#pc.localDescription;
    if (!description) throw mediaError("negotiation", "the call has ended");
    return description.sdp;
  }

  /**
   * The direction says what this side wants, whatever the other side's hold is: so neither is stuck when the other
   * resumes (RFC 6337 5.3).
   */
  #direct(transceiver: RTCRtpTransceiver, hold: boolean): void {
    if (transceiver.direction === "stopped") return;
    const sends = transceiver.sender.track !== null;
    transceiver.direction = hold ? (sends ? "sendonly" : "inactive") : sends ? "sendrecv" : "recvonly";
  }

  /** On hold nobody hears anybody, from the moment we ask for it. */
  #silence(silent: boolean): void {
    this.#silent = silent;
    this.#enableTracks();
  }

  #enableTracks(): void {
    for (const track of this.#local?.getTracks() ?? []) track.enabled = !this.#muted && !this.#silent;
    for (const track of this.#remote.getTracks()) track.enabled = !this.#silent;
  }

  #onTrack(track: MediaStreamTrack): void {
    if (track.kind !== "audio" || this.#remote.getTracks().includes(track)) return;
    this.#remote.addTrack(track);
    this.#enableTracks();
    this.#emit({ type: "remote-stream" });
    if (!this.#element) return;
    this.#element.autoplay = true;
    this.#element.srcObject = this.#remote;
    this.#element.play().catch((thrown: unknown) => {
      if (!(thrown instanceof DOMException) || thrown.name !== "NotAllowedError") return;
      const error = mediaError("playback", "the browser will not play sound before you touch the page", thrown);
      this.#emit({ type: "problem", error });
    });
  }

  #state(): MediaState {
    const state = this.#pc.connectionState;
    return state === "disconnected" ? "interrupted" : state;
  }

  #emit(event: MediaEvent): void {
    this.onEvent?.(event);
  }

  /** Descriptions that do not fit are the caller's to know, as one kind of error. */
  async #negotiate<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (thrown) {
      throw this.#asError(thrown);
    }
  }

  #asError(thrown: unknown): OffhookError {
    if (this.#pc.signalingState === "closed") return mediaError("negotiation", "the call has ended", thrown);
    return thrown instanceof DOMException ? mediaError("negotiation", message(thrown), thrown) : toOffhookError(thrown);
  }
}

function message(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
