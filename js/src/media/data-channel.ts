import { mediaError } from "../errors.js";
import type { MediaHandler } from "./handler.js";

/** Opens a data channel; `offer` asks the other side for the first one. Rejects when it will never be open. */
export async function openDataChannel(
  media: MediaHandler,
  [label, options]: [label: string, options?: RTCDataChannelInit],
  offer: () => Promise<void>,
  ended: Promise<unknown>,
): Promise<RTCDataChannel> {
  const channel = media.createDataChannel?.(label, options);
  if (!channel) throw mediaError("unsupported", "the media handler has no data channels");
  try {
    if (!media.hasDataChannels) await offer();
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(mediaError("negotiation", "the other side does not take the data channel"));
      const check = (): void => {
        if (channel.readyState === "open") resolve();
        else if (channel.readyState !== "connecting" || !media.hasDataChannels) fail();
      };
      channel.addEventListener("open", check);
      channel.addEventListener("close", fail);
      ended.then(fail, fail);
      check();
    });
    return channel;
  } catch (thrown) {
    channel.close();
    throw thrown;
  }
}
