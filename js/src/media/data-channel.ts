import { mediaError } from "../errors.js";

/** Resolves when the channel is open; rejects when it never will be. */
export function opened(channel: RTCDataChannel, ended: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (channel.readyState === "open") resolve();
      else if (channel.readyState !== "connecting") fail();
    };
    const fail = (): void => reject(mediaError("negotiation", "the other side does not take the data channel"));
    channel.addEventListener("open", check);
    channel.addEventListener("close", fail);
    ended.then(fail, fail);
    check();
  });
}
