import { useEffect, useState } from "react";
import type { Call } from "../call.js";
import type { MediaState } from "../media/handler.js";
import type { CallState, End, RemoteIdentity } from "../protocol.js";
import type { UserAgent } from "../user-agent.js";
import { listenTo, useChanges } from "./store.js";

/** What of a call can be shown. All is null or false without a call. */
export interface CallView {
  state: CallState | null;
  identity: RemoteIdentity | null;
  onHold: { readonly local: boolean; readonly remote: boolean };
  muted: boolean;
  mediaState: MediaState | null;
  localStream: MediaStream | null;
  remoteStream: MediaStream | null;
  localScreen: MediaStream | null;
  remoteScreen: MediaStream | null;
  /** When it was established, in milliseconds since the Unix epoch. */
  since: number | null;
  /** Why it is over, once it is. */
  end: End | null;
}

const NEWS = ["state", "progress", "hold", "muted", "media", "identity", "device", "recovered", "ended"] as const;
const NOBODY = { local: false, remote: false };

/** A call as it is now. */
export function useCall(call: Call | null | undefined): CallView {
  const [ended, setEnded] = useState<{ call: Call; end: End } | null>(null);
  useChanges(call, listenTo(call, NEWS));
  useEffect(() => {
    if (!call) return;
    let gone = false;
    void call.ended.then((end) => !gone && setEnded({ call, end }));
    return () => void (gone = true);
  }, [call]);
  return {
    state: call?.state ?? null,
    identity: call?.identity ?? null,
    onHold: call?.onHold ?? NOBODY,
    muted: call?.muted ?? false,
    mediaState: call?.mediaState ?? null,
    localStream: call?.localStream ?? null,
    remoteStream: call?.remoteStream ?? null,
    localScreen: call?.localScreen ?? null,
    remoteScreen: call?.remoteScreen ?? null,
    since: call?.history.find(({ state }) => state === "established")?.at ?? null,
    end: ended && ended.call === call ? ended.end : null,
  };
}

/** The calls of an agent that have not ended. */
export function useCalls(agent: UserAgent | null): readonly Call[] {
  useChanges(agent, (changed) => {
    if (!agent) return () => undefined;
    let listening = true;
    const follow = (call: Call): void => {
      void call.ended.then(() => listening && changed());
    };
    for (const call of agent.calls) follow(call);
    const stop = agent.on("call", ({ call }) => {
      follow(call);
      changed();
    });
    return () => {
      listening = false;
      stop();
    };
  });
  return agent?.calls ?? [];
}

/** For how long a call has been established, in whole seconds; null before. */
export function useDuration(call: Call | null | undefined): number | null {
  const { since, state } = useCall(call);
  const [now, setNow] = useState(() => Date.now());
  const running = since !== null && state !== "ended";
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running, since]);
  if (since === null) return null;
  const over = call?.history.find((step) => step.state === "ended")?.at;
  return Math.max(0, Math.floor(((over ?? now) - since) / 1000));
}
