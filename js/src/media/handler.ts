import type { OffhookError } from "../errors.js";

/**
 * Where the sound we send comes from: the microphone (`true`, or constraints for it), a track or stream of yours
 * (a copy of it is sent, so muting or ending the call leaves yours alone), or nothing (`false`: listen only).
 */
export type AudioSource = boolean | MediaTrackConstraints | MediaStreamTrack | MediaStream;

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
  | { type: "problem"; error: OffhookError };

/** What an offer of ours should say. */
export interface OfferOptions {
  /** Ask the other side to send nothing. */
  hold: boolean;
  /** Look for a path anew. */
  iceRestart: boolean;
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
 * The media of one call. The call makes the calls below one after the other, never two at once; descriptions are SDP
 * texts. The default is `PeerConnectionMedia`; give `UserAgent.connect` a `media` function for one of your own.
 */
export interface MediaHandler {
  /** Set by the call. */
  onEvent: ((event: MediaEvent) => void) | null;
  /** What we send, once there is something. */
  readonly localStream: MediaStream | null;
  /** What we hear, once there is something. */
  readonly remoteStream: MediaStream | null;
  /** Opens what is to be sent and makes an offer. Called again for each re-offer. */
  createOffer(options: OfferOptions): Promise<string>;
  /** Takes an answer to the last offer. `early`: from a provisional response, another may follow. */
  applyAnswer(sdp: string, early: boolean): Promise<void>;
  /** Takes an offer of the other side. */
  applyOffer(sdp: string): Promise<void>;
  /** Opens what is to be sent and answers the offer just taken. */
  createAnswer(): Promise<string>;
  /** The offer under way (ours or theirs) came to nothing: everything as it was before it. */
  rollback(): Promise<void>;
  /** Stops or starts sending sound, with no word to the other side. */
  setMuted(muted: boolean): void;
  /** Sends something else from now on, with no word to the other side. */
  replaceAudio(source: AudioSource): Promise<void>;
  /** Whether `sendDtmf` can be used in this call. */
  readonly canSendDtmf: boolean;
  /** Plays tones within the media (RFC 4733); done when the last was played. Milliseconds. */
  sendDtmf(tones: string, duration: number, gap: number): Promise<void>;
  stats(): Promise<CallStats>;
  /** Lets go of the microphone and everything else. Idempotent. */
  close(): void;
}

/** What a media handler is made for. */
export interface MediaRequest {
  direction: "outgoing" | "incoming";
  /** What the application asked for in `call` or `answer`. */
  audio: AudioSource | undefined;
}

/** Makes the media handler of one call. */
export type MediaHandlerFactory = (request: MediaRequest) => MediaHandler;
