import { useEffect, useState } from "react";
import type { DialogEntry, LineState } from "../lines/dialog-info.js";
import type { Presence } from "../lines/pidf.js";
import { watchDialogs, watchMessages, watchPresence, type WatchOptions } from "../lines/watch.js";
import type { MessageSummary } from "../protocol.js";
import type { UserAgent } from "../user-agent.js";
import { useChanges } from "./store.js";

/** What is watched, and how it tells. */
interface Watching {
  close(): Promise<void>;
}

function useWatch<W extends Watching>(key: string | null, begin: () => W, listen: (watch: W, changed: () => void) => () => void, of: unknown): W | null {
  const [watch, setWatch] = useState<W | null>(null);
  useEffect(() => {
    if (key === null) return;
    const made = begin();
    setWatch(made);
    return () => {
      setWatch(null);
      void made.close();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, of]);
  useChanges(watch, (changed) => (watch ? listen(watch, changed) : () => undefined));
  return watch;
}

const both = (...stops: (() => void)[]) => (): void => stops.forEach((stop) => stop());

/** Who is on the phone at `target`; null while nothing is known. The options are those of the first time, here and below. */
export function useDialogs(agent: UserAgent | null, target: string | null, options?: WatchOptions): { line: LineState | null; dialogs: readonly DialogEntry[] } {
  const watch = useWatch(
    agent && target,
    () => watchDialogs(agent as UserAgent, target as string, options),
    (watch, changed) => both(watch.on("dialogs", changed), watch.on("lost", changed)),
    agent,
  );
  return { line: watch?.line ?? null, dialogs: watch?.dialogs ?? [] };
}

/** Whether `target` is there; null while nothing is known. */
export function usePresence(agent: UserAgent | null, target: string | null, options?: WatchOptions): Presence | null {
  const watch = useWatch(
    agent && target,
    () => watchPresence(agent as UserAgent, target as string, options),
    (watch, changed) => both(watch.on("presence", changed), watch.on("lost", changed)),
    agent,
  );
  return watch?.presence ?? null;
}

/** Whether messages wait in our mailbox; null while nothing is known. */
export function useMessages(agent: UserAgent | null, options?: WatchOptions): MessageSummary | null {
  const watch = useWatch(
    agent && agent.aor,
    () => watchMessages(agent as UserAgent, undefined, options),
    (watch, changed) => both(watch.on("messages", changed), watch.on("lost", changed)),
    agent,
  );
  return watch?.summary ?? null;
}
