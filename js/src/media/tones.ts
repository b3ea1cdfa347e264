import { mediaError } from "../errors.js";

/** Plays tones by RFC 4733; done when the last was played. `signal` gives them up. */
export function playTones(
  pc: RTCPeerConnection,
  dtmf: RTCDTMFSender,
  [tones, duration, gap]: [tones: string, duration: number, gap: number],
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const until = { signal: over.signal };
    const fail = (why: string) => (): void => {
      over.abort();
      reject(mediaError("ice", why));
    };
    dtmf.addEventListener(
      "tonechange",
      ({ tone }) => {
        if (tone !== "") return;
        over.abort();
        resolve();
      },
      until,
    );
    const lost = fail("the keys could not be sent: the media is gone");
    pc.addEventListener("connectionstatechange", () => pc.connectionState === "failed" && lost(), until);
    signal.addEventListener("abort", fail("the call ended before the keys were sent"), until);
    dtmf.insertDTMF(tones, duration, gap);
  });
}
