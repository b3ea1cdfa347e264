/** How long a description waits at most whose candidates can follow, in milliseconds. */
const TRICKLE_CAP = 50;

/**
 * Resolves when the local description is worth sending: gathering is complete, the candidate that the given servers
 * are there for has come, or `cap` milliseconds have passed.
 */
export function gathered(
  pc: RTCPeerConnection,
  servers: readonly RTCIceServer[],
  cap: number,
  trickle = false,
): Promise<void> {
  // Where the rest can follow, the first of them is enough.
  const wanted = trickle ? "host" : wantedCandidate(servers);
  cap = trickle ? Math.min(cap, TRICKLE_CAP) : cap;
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      pc.removeEventListener("icegatheringstatechange", check);
      pc.removeEventListener("icecandidate", onCandidate);
      resolve();
    };
    const check = (): void => {
      // Firefox is still "complete" when an ICE restart has begun.
      const complete = pc.iceGatheringState === "complete" && pc.localDescription?.sdp.includes("\na=candidate:");
      if (complete || pc.signalingState === "closed") done();
    };
    const onCandidate = ({ candidate }: RTCPeerConnectionIceEvent): void => {
      if (candidate !== null && candidate.type === wanted) done();
    };
    const timer = setTimeout(done, cap);
    pc.addEventListener("icegatheringstatechange", check);
    pc.addEventListener("icecandidate", onCandidate);
    check();
  });
}

/** With TURN the first relayed candidate, with STUN the first reflexive one, else none is better than another. */
function wantedCandidate(servers: readonly RTCIceServer[]): RTCIceCandidateType | null {
  const urls = servers.flatMap((server) => server.urls);
  if (urls.some((url) => /^turns?:/i.test(url))) return "relay";
  return urls.some((url) => /^stuns?:/i.test(url)) ? "srflx" : null;
}
