/**
 * The same offer, asking for hold. Only the text says so, until the answer is here: Chromium stops playing as soon as
 * such an offer is its local description.
 */
export function withHold(sdp: string): string {
  return sdp.replace(/^a=sendrecv(?=\r?$)/gm, "a=sendonly").replace(/^a=recvonly(?=\r?$)/gm, "a=inactive");
}

/** What the other side last agreed to, as its answer to an offer of ours that it has refused: nothing changes. */
export function standingAnswer({ currentLocalDescription: ours, currentRemoteDescription: theirs }: RTCPeerConnection): string {
  const role = /^a=setup:active/m.test(ours?.sdp ?? "") ? "passive" : "active";
  return (theirs?.sdp ?? "").replace(/^a=setup:actpass/gm, `a=setup:${role}`);
}

/** Whether a description has something of that kind to send or receive. */
export function offers(sdp: string, kind: "audio" | "video"): boolean {
  return new RegExp(`^m=${kind} [1-9]`, "m").test(sdp);
}

/** Says of the media line of that stream that it carries slides, i.e. a screen (RFC 4796). */
export function withSlides(sdp: string, stream: MediaStream): string {
  return sdp.replace(`\na=msid:${stream.id} `, "\na=content:slides\r$&");
}

/** Whether the media line of that `mid` carries slides. */
export function hasSlides(sdp: string, mid: string): boolean {
  return sdp.split(/^m=/m).some((media) => {
    const lines = media.split(/\r?\n/);
    return lines.includes(`a=mid:${mid}`) && lines.includes("a=content:slides");
  });
}

/** The same answer, refusing these media lines: stopping a transceiver makes Chromium answer "inactive" only. */
export function withRefused(sdp: string, mids: readonly string[]): string {
  const refused = (media: string): boolean => mids.some((mid) => media.includes(`\na=mid:${mid}\r`));
  return sdp
    .split(/^(?=m=)/m)
    .map((media) => (refused(media) ? media.replace(/ \d+/, " 0") : media))
    .join("")
    .replace(/^a=group:BUNDLE.*$/m, (group) => group.split(" ").filter((mid) => !mids.includes(mid)).join(" "));
}

/** Who is at the other end of the path: other credentials are another device. */
export function peerOf(sdp: string): string {
  return String(sdp.match(/^a=(?:ice-ufrag|fingerprint):.*/gm));
}

/** Which way media goes, line by line. */
export function directionsOf(sdp: string): string {
  return String(sdp.match(/^a=(?:sendrecv|sendonly|recvonly|inactive)/gm));
}
