import { useEffect, useRef, useState } from "react";
import { type OffhookError, toOffhookError } from "../errors.js";
import { type ConnectOptions, type RegistrationState, UserAgent, type UserAgentState } from "../user-agent.js";
import { listenTo, useChanges } from "./store.js";

/** How to connect. */
export interface AgentOptions extends Omit<ConnectOptions, "signal"> {
  /** Register as soon as it is connected (default true). */
  register?: boolean;
  /** How long to wait for the end of calls and of the registration when the component goes, in milliseconds (default 2000). */
  deadline?: number;
}

/** How an agent is doing. */
export interface AgentSnapshot {
  /** Null while there is none. */
  state: UserAgentState | null;
  registration: RegistrationState;
}

export interface UsedAgent extends AgentSnapshot {
  /** Connected; null before, and after it was lost. */
  agent: UserAgent | null;
  /** Why it could not connect or register, or was lost. */
  error: OffhookError | null;
}

/**
 * A user agent for as long as the component is there: connects, registers, and shuts down. Null for no options: nobody is signed
 * in. Other options are another agent; they are compared by value, functions apart, which may change at any time.
 */
export function useAgent(options: AgentOptions | null): UsedAgent {
  const [used, setUsed] = useState<{ agent: UserAgent | null; error: OffhookError | null }>({ agent: null, error: null });
  const latest = useRef(options);
  latest.current = options;
  const key = options && JSON.stringify(options);
  useEffect(() => {
    const given = latest.current;
    setUsed({ agent: null, error: null });
    if (!given) return;
    const { register = true, deadline = 2000, ...connect } = given;
    const gone = new AbortController();
    const { signal } = gone;
    let made: UserAgent | null = null;
    const begin = async (): Promise<void> => {
      // StrictMode takes an effect back at once: nothing is connected then.
      await Promise.resolve();
      if (signal.aborted) return;
      try {
        const credentials = connect.credentials && ((request) => latest.current?.credentials?.(request) ?? null) satisfies ConnectOptions["credentials"];
        const agent = await UserAgent.connect({ ...connect, ...(credentials ? { credentials } : {}), signal });
        made = agent;
        if (signal.aborted) return void agent.shutdown(deadline);
        agent.on("stopped", ({ error }) => !signal.aborted && setUsed({ agent: null, error }));
        setUsed({ agent, error: null });
        if (register) await agent.register();
      } catch (thrown) {
        if (!signal.aborted) setUsed(({ agent }) => ({ agent, error: toOffhookError(thrown) }));
      }
    };
    void begin();
    return () => {
      gone.abort();
      void made?.shutdown(deadline);
    };
  }, [key]);
  return { ...used, ...useAgentState(used.agent) };
}

/** How an agent is doing: of one of your own, or of `useAgent`. */
export function useAgentState(agent: UserAgent | null): AgentSnapshot {
  useChanges(agent, listenTo(agent, ["transport", "registration", "stopped"]));
  return { state: agent?.state ?? null, registration: agent?.registration ?? "unregistered" };
}
