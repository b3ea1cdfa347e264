import type { OffhookError } from "./errors.js";
import type { AgentConfig, Command, Notification } from "./protocol.js";

/**
 * The one narrow, asynchronous way to an agent. Everything that crosses it is plain data, so the agent may live in the
 * page, in a Worker or behind a socket: a port of your own is enough to move it.
 */
export interface AgentPort {
  /** Hands one command over. Exactly one `result` or `error` notification with its number answers it. */
  send(command: Command): void;
  /** Called once for each notification, in order. Set by the one who uses the port. */
  onNotification: (notification: Notification) => void;
  /** Called once if the agent dies of itself, e.g. with its worker. Set by the one who uses the port; nothing follows. */
  onLost?: (error: OffhookError) => void;
  /** Lets the agent go at once, with no word to anybody. Idempotent. Nothing is notified afterwards. */
  close(): void;
}

/** Opens a port to an agent started with `config`. */
export type PortFactory = (config: AgentConfig) => Promise<AgentPort>;
