import type { CallStats } from "./handler.js";

/** The members of the WebRTC statistics that we read; each is there only in some kinds of report. */
interface Stat {
  type: string;
  id: string;
  kind?: string;
  codecId?: string;
  mimeType?: string;
  packetsSent?: number;
  bytesSent?: number;
  packetsReceived?: number;
  bytesReceived?: number;
  packetsLost?: number;
  jitter?: number;
  totalAudioEnergy?: number;
  selectedCandidatePairId?: string;
  selected?: boolean;
  localCandidateId?: string;
  remoteCandidateId?: string;
  currentRoundTripTime?: number;
  address?: string;
  port?: number;
  protocol?: string;
}

/** What the browser knows of a call's audio, in short. */
export function summarize(report: RTCStatsReport): CallStats {
  const all: Stat[] = [];
  report.forEach((stat: Stat) => all.push(stat));
  const byId = new Map(all.map((stat) => [stat.id, stat]));
  const of = (type: string): Stat | undefined =>
    all.find((stat) => stat.type === type && (stat.kind ?? "audio") === "audio");
  const get = (id: string | undefined): Stat | undefined => (id === undefined ? undefined : byId.get(id));

  const sent = of("outbound-rtp");
  const received = of("inbound-rtp");
  // Firefox knows no transports, but marks the pair.
  const pair = get(of("transport")?.selectedCandidatePairId) ?? all.find(({ selected }) => selected);
  return {
    codec: get(sent?.codecId ?? received?.codecId)?.mimeType ?? null,
    packetsSent: sent?.packetsSent ?? 0,
    bytesSent: sent?.bytesSent ?? 0,
    packetsReceived: received?.packetsReceived ?? 0,
    bytesReceived: received?.bytesReceived ?? 0,
    packetsLost: received?.packetsLost ?? 0,
    jitter: received?.jitter ?? null,
    roundTripTime: pair?.currentRoundTripTime ?? null,
    totalAudioEnergy: received?.totalAudioEnergy ?? 0,
    localCandidate: candidate(get(pair?.localCandidateId)),
    remoteCandidate: candidate(get(pair?.remoteCandidateId)),
    report,
  };
}

function candidate(stat: Stat | undefined): string | null {
  return stat ? `${stat.address ?? ""}:${stat.port ?? ""}/${stat.protocol ?? ""}` : null;
}
