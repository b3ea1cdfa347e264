/** The members of the WebRTC statistics that are read; each is there only in some kinds of report. */
interface Stat {
  type: string;
  id: string;
  kind?: string;
  timestamp: number;
  codecId?: string;
  mimeType?: string;
  packetsSent?: number;
  bytesSent?: number;
  packetsReceived?: number;
  packetsLost?: number;
  packetsDiscarded?: number;
  bytesReceived?: number;
  jitter?: number;
  fractionLost?: number;
  roundTripTime?: number;
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
  concealedSamples?: number;
  totalSamplesReceived?: number;
  audioLevel?: number;
  totalAudioEnergy?: number;
  framesDecoded?: number;
  framesReceived?: number;
  freezeCount?: number;
  selected?: boolean;
  selectedCandidatePairId?: string;
  currentRoundTripTime?: number;
}

/** What has been counted up to a moment. Times are in seconds, as the browser has them. */
export interface Reading {
  codec: string | null;
  packetsSent: number;
  bytesSent: number;
  packetsReceived: number;
  packetsLost: number;
  packetsDiscarded: number;
  bytesReceived: number;
  jitter: number | null;
  bufferDelay: number;
  bufferCount: number;
  concealed: number;
  samples: number;
  /** From 0 to 1. */
  levelIn: number | null;
  levelOut: number | null;
  /** What was captured, as energy; null where nothing is. */
  captured: number | null;
  roundTrip: number | null;
  /** What the other side reports of what we send; null before its first report. */
  far: { loss: number; jitter: number | null; roundTrip: number | null; at: number } | null;
  /** The picture that comes in; null without one. */
  video: { decoded: number; freezes: number } | null;
}

/** What a report says. */
export function read(report: RTCStatsReport): Reading {
  const all: Stat[] = [];
  report.forEach((stat: Stat) => all.push(stat));
  const of = (type: string, kind = "audio"): Stat | undefined =>
    all.find((stat) => stat.type === type && (stat.kind ?? kind) === kind);
  const get = (id: string | undefined): Stat | undefined => all.find((stat) => stat.id === id);
  const received = of("inbound-rtp");
  const sent = of("outbound-rtp");
  const source = of("media-source");
  const reported = of("remote-inbound-rtp");
  const transport = all.find(({ type }) => type === "transport");
  const pair = get(transport?.selectedCandidatePairId) ?? all.find(({ selected }) => selected);
  const pictures = all.filter(({ type, kind, framesReceived }) => type === "inbound-rtp" && kind === "video" && framesReceived);
  return {
    codec: get(received?.codecId ?? sent?.codecId)?.mimeType ?? null,
    packetsSent: sent?.packetsSent ?? 0,
    bytesSent: sent?.bytesSent ?? 0,
    packetsReceived: received?.packetsReceived ?? 0,
    packetsLost: received?.packetsLost ?? 0,
    packetsDiscarded: received?.packetsDiscarded ?? 0,
    bytesReceived: received?.bytesReceived ?? 0,
    jitter: received?.jitter ?? null,
    bufferDelay: received?.jitterBufferDelay ?? 0,
    bufferCount: received?.jitterBufferEmittedCount ?? 0,
    concealed: received?.concealedSamples ?? 0,
    samples: received?.totalSamplesReceived ?? 0,
    levelIn: received?.audioLevel ?? null,
    levelOut: source?.audioLevel ?? null,
    captured: source?.totalAudioEnergy ?? null,
    roundTrip: pair?.currentRoundTripTime ?? reported?.roundTripTime ?? null,
    far: reported
      ? {
          loss: reported.fractionLost ?? 0,
          jitter: reported.jitter ?? null,
          roundTrip: reported.roundTripTime ?? null,
          at: reported.timestamp,
        }
      : null,
    video:
      pictures.length > 0
        ? { decoded: sum(pictures, "framesDecoded"), freezes: sum(pictures, "freezeCount") }
        : null,
  };
}

function sum(stats: readonly Stat[], name: "framesDecoded" | "freezeCount"): number {
  return stats.reduce((total, stat) => total + (stat[name] ?? 0), 0);
}
