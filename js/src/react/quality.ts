import { useEffect, useRef, useState } from "react";
import type { Call } from "../call.js";
import { QualityMonitor, type QualityOptions, type QualityProblem, type QualitySample, type QualitySummary } from "../quality/monitor.js";
import { listenTo, useChanges } from "./store.js";

/** How good a call is. */
export interface QualityView {
  sample: QualitySample | null;
  problems: readonly QualityProblem[];
  /** When the call is over. */
  summary: QualitySummary | null;
}

/** What a monitor of yours measures. */
export function useMonitor(monitor: QualityMonitor | null): Omit<QualityView, "summary"> {
  useChanges(monitor, listenTo(monitor, ["sample", "problem", "solved"]));
  return { sample: monitor?.sample ?? null, problems: monitor?.problems ?? [] };
}

/** Measures a call (see `offhook/quality`). The options are those of the first time. */
export function useQuality(call: Call | null | undefined, options?: QualityOptions): QualityView {
  const [monitor, setMonitor] = useState<QualityMonitor | null>(null);
  const [summary, setSummary] = useState<QualitySummary | null>(null);
  const given = useRef(options);
  useEffect(() => {
    if (!call || call.state === "ended") return;
    const made = new QualityMonitor(call, given.current);
    setMonitor(made);
    const forget = made.on("summary", ({ summary }) => setSummary(summary));
    return () => {
      forget();
      made.stop();
      setMonitor(null);
      setSummary(null);
    };
  }, [call]);
  return { ...useMonitor(monitor), summary };
}
