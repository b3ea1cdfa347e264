import { mediaError, type OffhookError } from "../errors.js";
import type { AudioSource } from "./handler.js";

/**
 * One audio track of our own from whatever the application gave: muting and stopping it touches nothing of the
 * application's. Null: listen only.
 */
export async function openAudio(source: AudioSource): Promise<MediaStreamTrack | null> {
  if (source === false) return null;
  if (source instanceof MediaStreamTrack) return source.clone();
  if (source instanceof MediaStream) {
    const track = source.getAudioTracks()[0];
    if (!track) throw mediaError("no-device", "the given stream has no audio track");
    return track.clone();
  }
  // Absent on pages that are not served over https, whatever the types say.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (!devices) throw mediaError("unsupported", "the browser gives the microphone only to pages served over https");
  try {
    const stream = await devices.getUserMedia({ audio: source });
    return stream.getAudioTracks()[0] ?? null;
  } catch (thrown) {
    throw microphoneError(thrown);
  }
}

function microphoneError(thrown: unknown): OffhookError {
  switch (thrown instanceof DOMException ? thrown.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return mediaError("denied", "the microphone was not allowed", thrown);
    case "NotFoundError":
      return mediaError("no-device", "no microphone was found", thrown);
    case "OverconstrainedError":
      return mediaError("no-device", "the chosen microphone was not found", thrown);
    default:
      return mediaError("busy", "the microphone could not be opened; perhaps another program is using it", thrown);
  }
}
