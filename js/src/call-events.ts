import type { OffhookError } from "./errors.js";
import type { MediaKind, MediaSource, MediaState } from "./media/handler.js";
import type { CallState, End, Header, RemoteIdentity } from "./protocol.js";

/** What a call tells, by event name. Each event carries its name as `type`. */
export interface CallEvents {
  /** The call changed its state. */
  state: { type: "state"; state: CallState; cause: string; at: number };
  /** A provisional response. `earlyMedia`: it brought sound, e.g. a ringback tone or an announcement. */
  progress: { type: "progress"; status: number; reason: string; earlyMedia: boolean; at: number };
  /** The call goes on elsewhere: it was redirected, or a place it was redirected to failed (see `followRedirects`). */
  redirected: { type: "redirected"; status: number; reason: string; target: string; at: number };
  /**
   * The other side is somebody else, or more is known of who it is, e.g. because it was transferred: `identity.shown` is
   * whom to show from now on.
   */
  identity: { type: "identity"; identity: RemoteIdentity; previous: RemoteIdentity; at: number };
  /** Who holds the call now. */
  hold: { type: "hold"; local: boolean; remote: boolean; at: number };
  /**
   * The connection to the server was lost and is back, and the other side knows by now where we are. Where sound is lost as
   * well another path for it is looked for by itself.
   */
  recovered: { type: "recovered"; at: number };
  /** Muted or no longer muted. */
  muted: { type: "muted"; kind: MediaKind; muted: boolean };
  /** How the media is doing; `error` says what has just gone wrong, if something has. */
  media: { type: "media"; state: MediaState; remoteStream: MediaStream | null; error: OffhookError | null };
  /**
   * A microphone, camera or speaker in use was unplugged or taken away, or sharing the screen was stopped. `label`: the
   * device used instead; null: none.
   */
  device: { type: "device"; kind: MediaKind | "speaker"; label: string | null };
  /** The other side opened a data channel. */
  datachannel: { type: "datachannel"; channel: RTCDataChannel };
  /** The other side sent something within the call; `dtmf` is set when it was a key. */
  info: {
    type: "info";
    /** The package (RFC 6086), if it is of one of our `infoPackages`. */
    package: string | null;
    contentType: string;
    body: string;
    dtmf: { tone: string; duration: number } | null;
    at: number;
  };
  /** It is over. Nothing follows. */
  ended: { type: "ended"; end: End; at: number };
}

/** How to answer. */
export interface AnswerOptions {
  /** Where our sound comes from; the microphone if absent. */
  audio?: MediaSource;
  /** Where our picture comes from, e.g. `true` for the camera; there is none if absent. Only where video is offered. */
  video?: MediaSource;
  /** More header fields for the 200. */
  headers?: Header[];
  /** Gives up before the answer is sent; the call keeps ringing. */
  signal?: AbortSignal;
}

/** How to say that it rings. */
export interface RingOptions {
  /** Already send our sound (183 with a description instead of 180). */
  earlyMedia?: boolean;
  /** Where our sound comes from, with `earlyMedia`. */
  audio?: MediaSource;
  /** Where our picture comes from, with `earlyMedia`. */
  video?: MediaSource;
}

/** How to go on with a call that was restored. */
export interface PickUpOptions extends WaitOptions {
  /** Where our sound comes from; the microphone if absent. */
  audio?: MediaSource;
  /** Where our picture comes from, e.g. `true` for the camera; there is none if absent. */
  video?: MediaSource;
}

/** For operations that can only be waited for: aborting stops the waiting. */
export interface WaitOptions {
  signal?: AbortSignal;
}
