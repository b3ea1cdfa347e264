import { useEffect, useRef, useState } from "react";
import type { Call } from "../call.js";
import type { Conference } from "../lines/conference.js";
import { Lines, type LinesOptions } from "../lines/lines.js";
import type { UserAgent } from "../user-agent.js";
import { listenTo, useChanges } from "./store.js";

/** The lines of a telephone as they are now. */
export interface LinesView {
  /** Null until there is an agent. */
  lines: Lines | null;
  calls: readonly Call[];
  current: Call | null;
  ringing: readonly Call[];
  others: readonly Call[];
  conference: Conference | null;
  muted: boolean;
}

/** Lines over an agent (see `offhook/lines`), for as long as the component is there. The options are those of the first time. */
export function useLines(agent: UserAgent | null, options?: LinesOptions): LinesView {
  const [lines, setLines] = useState<Lines | null>(null);
  const given = useRef(options);
  useEffect(() => {
    if (!agent) return;
    const made = new Lines(agent, given.current);
    setLines(made);
    return () => {
      setLines(null);
      void made.close();
    };
  }, [agent]);
  return useLinesView(lines);
}

/** Lines that somebody else made. */
export function useLinesView(lines: Lines | null): LinesView {
  useChanges(lines, listenTo(lines, ["change"]));
  return {
    lines,
    calls: lines ? [...lines.calls] : [],
    current: lines?.current ?? null,
    ringing: lines?.ringing ?? [],
    others: lines?.others ?? [],
    conference: lines?.conference ?? null,
    muted: lines?.muted ?? false,
  };
}
