import type { AgentConfig } from "./protocol.js";

/** A server that shares the load with those beside it in the list that have a weight too (RFC 2782). */
export interface WeightedServer {
  /** `ws://` or `wss://`. */
  url: string;
  /** How often it is the first to be tried, compared with those beside it. */
  weight: number;
}

/** A server, or several in the order in which they are tried. */
export type Servers = string | readonly (string | WeightedServer)[];

/** The same as settings of the agent; `more` are tried after them. */
export function serverSettings(
  servers: Servers,
  more: readonly string[] = [],
): Pick<AgentConfig, "server" | "servers" | "weights"> {
  const all = [...(typeof servers === "string" ? [servers] : servers), ...more];
  const [server = "", ...rest] = all.map((one) => (typeof one === "string" ? one : one.url));
  const weights = all.map((one) => (typeof one === "string" ? 0 : one.weight));
  return {
    server,
    ...(rest.length > 0 ? { servers: rest } : {}),
    ...(weights.some((weight) => weight > 0) ? { weights } : {}),
  };
}
