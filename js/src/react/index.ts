/**
 * Hooks for React 18 and later. Each is safe in StrictMode, where effects run twice: nothing is connected, subscribed or measured
 * twice, and what a component began ends with it. Nothing of it is loaded with `offhook`.
 *
 * ```tsx
 * function Phone() {
 *   const { agent, registration, error } = useAgent({ aor, server, password });
 *   const { lines, current, ringing } = useLines(agent);
 *   const { state } = useCall(current);
 *   return ringing[0] ? <button onClick={() => lines?.answer(ringing[0])}>Answer</button> : <p>{state ?? registration}</p>;
 * }
 * ```
 *
 * @module
 */
export { useAgent, useAgentState } from "./agent.js";
export type { AgentOptions, AgentSnapshot, UsedAgent } from "./agent.js";
export { useCall, useCalls, useDuration } from "./call.js";
export type { CallView } from "./call.js";
export { useLines, useLinesView } from "./lines.js";
export type { LinesView } from "./lines.js";
export { useDevices, useLevel } from "./devices.js";
export { useMonitor, useQuality } from "./quality.js";
export type { QualityView } from "./quality.js";
export { useDialogs, useMessages, usePresence } from "./watch.js";
