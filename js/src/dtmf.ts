import { delay } from "./async.js";
import { inputError } from "./errors.js";

/** How to send keys. */
export interface DtmfOptions {
  /** Within the media (RFC 4733) or by INFO. */
  via?: "rtp" | "info";
  /** Of one tone, in milliseconds (default 160). */
  duration?: number;
  /** Between two tones, in milliseconds (default 70). */
  gap?: number;
}

/** A comma stands for this long a pause, as RTCDTMFSender has it. */
const PAUSE = 2000;

/** @internal The tones in capital letters; throws if there is one that is no key. */
export function validateTones(tones: string): string {
  const wrong = tones.search(/[^0-9A-Da-d*#,]/);
  if (wrong >= 0) throw inputError("tones", `${JSON.stringify(tones[wrong])} is not a key`, wrong);
  if (tones === "") throw inputError("tones", "there is no key to send");
  return tones.toUpperCase();
}

/** @internal One INFO after the other, at the pace of the keys. */
export async function sendDtmfByInfo(tones: string, gap: number, send: (tone: string) => Promise<void>): Promise<void> {
  for (const [index, tone] of [...tones].entries()) {
    if (index > 0) await delay(gap);
    if (tone === ",") await delay(PAUSE);
    else await send(tone);
  }
}
