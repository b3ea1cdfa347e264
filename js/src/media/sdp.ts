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
