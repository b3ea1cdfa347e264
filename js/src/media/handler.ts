import type { OffhookError } from "../errors.js";
import type { TrickledCandidate } from "../protocol.js";

/** What can be sent: sound, the camera, the screen. */
export type MediaKind = "audio" | "video" | "screen";

/**
 * Where what we send comes from: the microphone, camera or screen (`true`, the id of a device, or constraints for it), a
 * track or stream of yours (a copy of it is sent, so muting or ending the call leaves yours alone), or nothing (`false`).
 */
export type MediaSource = boolean | string | MediaTrackConstraints | MediaStreamTrack | MediaStream;

/** Where the sound we send comes from. */
export type AudioSource = MediaSource;

/** How the media of a call is doing. */
export type MediaState =
  | "new"
  | "connecting"
  | "connected"
  /** Nothing is coming through at the moment; it may come back by itself. */
  | "interrupted"
  /** No path: it comes back only with an ICE restart, which the call tries once by itself. */
  | "failed"
  | "closed";

/** What a media handler tells its call. */
export type MediaEvent =
  | { type: "state"; state: MediaState }
  /** The remote stream is there, or has changed. */
  | { type: "remote-stream" }
  /** Something went wrong that does not end the call, e.g. the browser will not play sound yet. */
  | { type: "problem"; error: OffhookError }
  /**
   * A device we used is gone, or a track has ended. `label`: what is used instead; null: nothing. Of the screen it means
   * that the person stopped sharing: the call then offers to send it no more.
   */
  | { type: "device"; kind: MediaKind | "speaker"; label: string | null }
  /** The path leads elsewhere (the one who answered is not the one heard before): the call restarts ICE. */
  | { type: "restart" }
  /** There are more `candidates`. */
  | { type: "candidates" }
  /** The other side opened a data channel. */
  | { type: "datachannel"; channel: RTCDataChannel };

/** Something else to be sent. */
export interface MediaChange {
  kind: MediaKind;
  source: MediaSource;
  /** Null: nothing. */
  track: MediaStreamTrack | null;
}

/** What an offer of ours should say. */
export interface OfferOptions {
  /** Ask the other side to send nothing. */
  hold: boolean;
  /** Look for a path anew. */
  iceRestart: boolean;
  /** Begin or end to send this. `rollback` takes it back. */
  change?: MediaChange | undefined;
  /** The other side takes candidates later (RFC 8840): the description need not wait for them. */
  trickle?: boolean;
}

/** Candidates that were found since the last description was asked for. */
export interface Candidates {
  /** All of them, in the order in which they were found; those in the description may be among them. */
  list: readonly TrickledCandidate[];
  /** There are no more. */
  end: boolean;
}

/** What the media of a call has carried so far, in the units of the WebRTC statistics. */
export interface CallStats {
  /** E.g. `audio/opus`, once it is negotiated. */
  codec: string | null;
  packetsSent: number;
  bytesSent: number;
  packetsReceived: number;
  bytesReceived: number;
  packetsLost: number;
  /** Seconds. */
  jitter: number | null;
  /** Seconds. */
  roundTripTime: number | null;
  /** Sum of the energy of what was received: it grows while there is sound. */
  totalAudioEnergy: number;
  /** The chosen addresses, `host:port/protocol`. */
  localCandidate: string | null;
  remoteCandidate: string | null;
  /** Everything the browser knows. */
  report: RTCStatsReport | null;
}

/**
 * The media of one call. The call makes `createOffer`, `applyAnswer`, `applyOffer`, `createAnswer` and `rollback` one after
 * the other, never two at once; descriptions are SDP texts. The default is `PeerConnectionMedia`; give `UserAgent.connect`
 * a `media` function for one of your own. What is optional may be left out: the call says then that it is not there.
 */
export interface MediaHandler {
  /** Set by the call. */
  onEvent: ((event: MediaEvent) => void) | null;
  /** Sound and camera that we send, once there is something. */
  readonly localStream: MediaStream | null;
  /** Sound and camera of the other side, once there is something. */
  readonly remoteStream: MediaStream | null;
  /** The screen we share. */
  readonly localScreen?: MediaStream | null;
  /** The screen the other side shares. */
  readonly remoteScreen?: MediaStream | null;
  /** Opens what is to be sent and makes an offer. Called again for each re-offer. */
  createOffer(options: OfferOptions): Promise<string>;
  /** Takes an answer to the last offer. `early`: from a provisional response, another may follow. */
  applyAnswer(sdp: string, early: boolean): Promise<void>;
  /** Takes an offer of the other side. */
  applyOffer(sdp: string): Promise<void>;
  /** Opens what is to be sent and answers the offer just taken; `trickle` as in an offer. */
  createAnswer(options?: { trickle: boolean }): Promise<string>;
  /** The offer under way (ours or theirs) came to nothing: everything as it was before it. */
  rollback(): Promise<void>;
  /** Stops or starts sending, with no word to the other side. */
  setMuted(muted: boolean, kind: MediaKind): void;
  /** Opens a source; the track is the call's, until it is given to `replaceTrack` or to an offer. Null: nothing to send. */
  open?(kind: MediaKind, source: MediaSource): Promise<MediaStreamTrack | null>;
  /** Sends that from now on and resolves with true, if it needs no word to the other side; else an offer will ask for it. */
  replaceTrack?(change: MediaChange): Promise<boolean>;
  /** What was found beyond the description; `candidates` events tell when there is more. */
  readonly candidates?: Candidates;
  /** Takes candidates of the other side; `end`: there are no more. */
  addCandidates?(candidates: readonly TrickledCandidate[], end: boolean): Promise<void>;
  /** Whether data channels are agreed on, so that another one takes no offer. */
  readonly hasDataChannels?: boolean;
  /** Makes a data channel; it opens once data channels are agreed on. */
  createDataChannel?(label: string, options?: RTCDataChannelInit): RTCDataChannel;
  /** Plays the other side on another speaker, by the id of the device. */
  setSpeaker?(deviceId: string): Promise<void>;
  /** Plays the other side, where the browser wanted a gesture first. */
  play?(): Promise<void>;
  /** Whether `sendDtmf` can be used in this call. */
  readonly canSendDtmf: boolean;
  /** Plays tones within the media (RFC 4733); done when the last was played. Milliseconds. */
  sendDtmf(tones: string, duration: number, gap: number): Promise<void>;
  stats(): Promise<CallStats>;
  /** Lets go of microphone, camera and everything else. Idempotent. */
  close(): void;
}

/** What a media handler is made for. */
export interface MediaRequest {
  direction: "outgoing" | "incoming";
  /** What the application asked for in `call` or `answer`. */
  audio: MediaSource | undefined;
  video: MediaSource | undefined;
  /** The media lines (`audio`, `video` …) of a session that goes on with new media: the offer must have them all, in this order. */
  streams?: readonly string[];
}

/** Makes the media handler of one call. */
export type MediaHandlerFactory = (request: MediaRequest) => MediaHandler;
