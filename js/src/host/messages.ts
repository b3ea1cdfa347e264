import type { AgentConfig, Command, ErrorValue, Notification } from "../protocol.js";

/** What a page says to the worker its agent lives in. */
export type ToWorker =
  /** First of all. `tab` is a Web Lock that the page holds as long as it lives; null: the worker ends with the page. */
  | { type: "open"; config: AgentConfig; tab: string | null }
  | { type: "command"; command: Command }
  /** The page wants nothing any more. */
  | { type: "close" };

/** What the worker says to a page. */
export type FromWorker =
  /** The agent is there. `worker` is a Web Lock that the worker holds as long as it lives; null: there are no such locks. */
  | { type: "opened"; worker: string | null }
  /** There is no agent for this page. */
  | { type: "refused"; error: ErrorValue }
  | { type: "notification"; notification: Notification }
  /** The agent has died of an error. */
  | { type: "crashed"; message: string };

/** As much of a `MessagePort` as is used: a dedicated worker has the same. */
export interface Channel<Out, In> {
  postMessage(message: Out): void;
  onmessage: ((event: MessageEvent<In>) => void) | null;
}
