import { mediaError, type OffhookError } from "../errors.js";
import type { MediaKind, MediaSource } from "./handler.js";

/** What is to be captured, by kind; kinds that are absent or false are left alone. */
type Wanted = { [K in MediaKind]?: MediaSource };

const NAMES = { audio: "microphone", video: "camera", screen: "screen" } as const;

/** The kind of the tracks. */
export const trackKind = (kind: MediaKind): "audio" | "video" => (kind === "audio" ? kind : "video");

/**
 * Tracks of our own from whatever the application gave: muting and stopping them touches nothing of the application's.
 * Microphone and camera are asked for at once, so that the person is asked once.
 */
export async function capture(wanted: Wanted): Promise<Map<MediaKind, MediaStreamTrack>> {
  const tracks = new Map<MediaKind, MediaStreamTrack>();
  const given = new Map<MediaKind, MediaStreamTrack>();
  const asked: MediaStreamConstraints = {};
  let screen: boolean | MediaTrackConstraints = false;
  for (const [kind, source] of Object.entries(wanted) as [MediaKind, MediaSource][]) {
    if (source === false) continue;
    const own = source instanceof MediaStream ? source.getTracks().find((track) => track.kind === trackKind(kind)) : source;
    if (own instanceof MediaStreamTrack) given.set(kind, own);
    else if (!own) throw mediaError("no-device", `the given stream has no ${trackKind(kind)} track`);
    else {
      const constraints = typeof source === "string" ? { deviceId: { exact: source } } : (source as MediaTrackConstraints);
      if (kind === "screen") screen = constraints;
      else asked[kind] = constraints;
    }
  }
  const kinds = Object.keys(asked) as MediaKind[];
  if (screen) {
    const stream = await ask("screen", (devices) => devices.getDisplayMedia({ video: screen }));
    for (const track of stream.getVideoTracks()) tracks.set("screen", track);
  }
  if (kinds.length > 0) {
    const names = kinds.map((kind) => NAMES[kind]).join(" or ");
    const stream = await ask(names, (devices) => devices.getUserMedia(asked));
    for (const track of stream.getTracks()) tracks.set(track.kind as MediaKind, track);
  }
  for (const [kind, track] of given) tracks.set(kind, track.clone());
  return tracks;
}

async function ask(what: string, get: (devices: MediaDevices) => Promise<MediaStream>): Promise<MediaStream> {
  // Absent on pages that are not served over https, whatever the types say.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (!devices) throw mediaError("unsupported", `the browser gives the ${what} only to pages served over https`);
  try {
    return await get(devices);
  } catch (thrown) {
    throw captureError(what, thrown);
  }
}

function captureError(what: string, thrown: unknown): OffhookError {
  switch (thrown instanceof Error ? thrown.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return mediaError("denied", `the ${what} was not allowed`, thrown);
    case "NotFoundError":
      return mediaError("no-device", `no ${what} was found`, thrown);
    case "OverconstrainedError":
      return mediaError("no-device", `the chosen ${what} was not found`, thrown);
    case "TypeError":
      return mediaError("unsupported", `this browser cannot give the ${what}`, thrown);
    default:
      return mediaError("busy", `the ${what} could not be opened; perhaps another program is using it`, thrown);
  }
}
