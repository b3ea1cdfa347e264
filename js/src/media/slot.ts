import { trackKind } from "./capture.js";
import { preferCodecs } from "./codecs.js";
import type { MediaKind, MediaSource } from "./handler.js";

/** The streams that a slot's tracks belong to. */
interface Streams {
  local: MediaStream;
  remote: MediaStream;
}

interface Preferences {
  codecs?: { audio?: readonly string[]; video?: readonly string[] };
}

/** One of sound, camera and screen: what is sent, and the media line it goes through. */
export class Slot {
  readonly kind: MediaKind;
  readonly streams: Streams;
  source: MediaSource;
  /** What is sent. */
  track: MediaStreamTrack | null = null;
  transceiver: RTCRtpTransceiver | null = null;
  muted = false;
  /** Its device is gone, and another would be welcome. */
  lost = false;

  constructor(kind: MediaKind, source: MediaSource, streams: Streams) {
    this.kind = kind;
    this.source = source;
    this.streams = streams;
  }

  /** Without a media line, or with one that was refused. */
  get isFree(): boolean {
    return !this.transceiver || this.transceiver.direction === "stopped" || this.transceiver.currentDirection === "stopped";
  }

  take(source: MediaSource, track: MediaStreamTrack | null, silent: boolean): void {
    this.source = source;
    this.track = track;
    this.enable(silent);
    if (track && this.kind === "screen") track.contentHint = "detail";
  }

  /** Makes a media line, if there is none. */
  add(pc: RTCPeerConnection, preferences: Preferences): void {
    if (this.transceiver) return;
    const { local } = this.streams;
    this.use(pc.addTransceiver(this.track ?? trackKind(this.kind), { streams: [local], direction: "recvonly" }), preferences);
  }

  use(transceiver: RTCRtpTransceiver, { codecs }: Preferences): void {
    this.transceiver = transceiver;
    const names = codecs?.[trackKind(this.kind)];
    if (names) preferCodecs(transceiver, names);
    // Absent in older browsers.
    transceiver.sender.setStreams?.(this.streams.local);
  }

  direct(hold: boolean, receives: boolean): void {
    if (!this.transceiver || this.isFree) return;
    const sends = this.track !== null || this.lost;
    const deaf = hold || !receives;
    this.transceiver.direction = sends ? (deaf ? "sendonly" : "sendrecv") : deaf ? "inactive" : "recvonly";
  }

  enable(silent: boolean): void {
    if (this.track) this.track.enabled = !this.muted && !silent;
    const heard = this.transceiver?.receiver.track;
    if (heard) heard.enabled = !silent;
  }

  /** Brings the streams up to date; whether that changed what is received. */
  show(): boolean {
    const { local, remote } = this.streams;
    const kind = trackKind(this.kind);
    hold(local, kind, this.track);
    const { currentDirection, receiver } = this.transceiver ?? {};
    // Sound that pauses is no change: whoever plays it need not know.
    if (kind === "audio" && remote.getAudioTracks()[0] === receiver?.track) return false;
    return hold(remote, kind, receiver && /recv/.test(currentDirection ?? "") ? receiver.track : null);
  }
}

/** Makes it the only track of its kind in a stream; whether that changed anything. */
function hold(stream: MediaStream, kind: "audio" | "video", track: MediaStreamTrack | null): boolean {
  const old = stream.getTracks().filter((other) => other.kind === kind);
  if (track ? old.includes(track) : old.length === 0) return false;
  for (const other of old) stream.removeTrack(other);
  if (track) stream.addTrack(track);
  return true;
}
