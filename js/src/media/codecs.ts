/** What carries no sound or picture of its own, and is of use with any codec. */
const HELPERS = /\/(rtx|red|ulpfec|flexfec-03|telephone-event|cn)$/i;

/** Offers and accepts these codecs only, the best first: `opus`, `PCMU`, `VP8` … Names that nobody knows change nothing. */
export function preferCodecs(transceiver: RTCRtpTransceiver, names: readonly string[]): void {
  const known = RTCRtpReceiver.getCapabilities(transceiver.receiver.track.kind)?.codecs ?? [];
  const chosen = names.flatMap((name) =>
    known.filter(({ mimeType }) => mimeType.toLowerCase().endsWith(`/${name.toLowerCase()}`)),
  );
  if (chosen.length > 0)
    transceiver.setCodecPreferences([...chosen, ...known.filter(({ mimeType }) => HELPERS.test(mimeType))]);
}
