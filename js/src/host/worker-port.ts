import type { AgentPort, PortFactory } from "../agent-port.js";
import { OffhookError } from "../errors.js";
import type { AgentConfig, Command, Notification } from "../protocol.js";
import { holdLock, watchLock } from "./locks.js";
import type { Channel, FromWorker, ToWorker } from "./messages.js";

/** Where the agent lives: in this page, in a worker of its own, or in one that all tabs of this site share. */
export type Host = "page" | "worker" | "shared-worker";

/** The address of the worker's file (a module), or a function that makes the worker. */
export type WorkerSource = string | URL | (() => Worker | SharedWorker);

/** Opens ports to agents in workers. `source`: the file of this package if absent. */
export function workerPort(host: Exclude<Host, "page">, source?: WorkerSource): PortFactory {
  return (config) => (host === "worker" ? openDedicated(config, source) : openShared(config, source));
}

async function openDedicated(config: AgentConfig, source: WorkerSource | undefined): Promise<AgentPort> {
  const options = { type: "module", name: "offhook" } as const;
  let worker: Worker;
  if (typeof source === "function") worker = source() as Worker;
  else if (source !== undefined) worker = new Worker(source, options);
  // Bundlers look for exactly this.
  else worker = new Worker(new URL("../worker.js", import.meta.url), { type: "module", name: "offhook" });
  const port = new WorkerPort(worker, () => worker.terminate());
  worker.addEventListener("error", (event) => port.failed(event));
  return port.open(config, null);
}

async function openShared(config: AgentConfig, source: WorkerSource | undefined): Promise<AgentPort> {
  // One for each account: tabs with another account have another agent.
  const name = `offhook ${config.aor}`;
  const tab = await holdLock("offhook tab");
  let worker: SharedWorker;
  if (typeof source === "function") worker = source() as SharedWorker;
  else if (source !== undefined) worker = new SharedWorker(source, { type: "module", name });
  else worker = new SharedWorker(new URL("../worker.js", import.meta.url), { type: "module", name });
  const { port: channel } = worker;
  // A page that goes says so if it can; one that cannot lets its lock go.
  const leaving = (event: PageTransitionEvent): void => {
    if (!event.persisted) channel.postMessage({ type: "close" } satisfies ToWorker);
  };
  globalThis.addEventListener?.("pagehide", leaving);
  const port = new WorkerPort(channel, () => {
    globalThis.removeEventListener?.("pagehide", leaving);
    tab.release();
    channel.close();
  });
  worker.addEventListener("error", (event) => port.failed(event as ErrorEvent));
  return port.open(config, tab.name);
}

/** The page's end. */
class WorkerPort implements AgentPort {
  onNotification: (notification: Notification) => void = () => undefined;
  onLost: (error: OffhookError) => void = () => undefined;
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #letGo: () => void;
  #unwatch: () => void = () => undefined;
  #opening: { resolve: (port: AgentPort) => void; reject: (error: OffhookError) => void } | null = null;
  #closed = false;

  constructor(channel: Channel<ToWorker, FromWorker>, letGo: () => void) {
    this.#channel = channel;
    this.#letGo = letGo;
    channel.onmessage = ({ data }) => this.#receive(data);
  }

  /** Resolves when the agent is there. */
  open(config: AgentConfig, tab: string | null): Promise<AgentPort> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#channel.postMessage({ type: "open", config, tab });
    });
  }

  send(command: Command): void {
    if (!this.#closed) this.#channel.postMessage({ type: "command", command });
  }

  close(): void {
    if (this.#closed) return;
    this.#channel.postMessage({ type: "close" });
    this.#end();
  }

  /** The worker's file cannot be loaded, or what is in it has thrown. */
  failed({ message, error }: Pick<ErrorEvent, "message" | "error">): void {
    if (this.#opening) this.#lose(message || "the worker's file could not be loaded", error);
  }

  #receive(message: FromWorker): void {
    if (this.#closed) return;
    switch (message.type) {
      case "opened":
        this.#opening?.resolve(this);
        this.#opening = null;
        this.#unwatch = watchLock(message.worker, () => this.#lose("the worker has ended"));
        break;
      case "refused": {
        const opening = this.#opening;
        this.#opening = null;
        this.#end();
        opening?.reject(new OffhookError(message.error));
        break;
      }
      case "notification":
        this.onNotification(message.notification);
        break;
      case "crashed":
        this.#lose(message.message);
        break;
    }
  }

  #lose(words: string, cause?: unknown): void {
    if (this.#closed) return;
    const error = new OffhookError({ kind: "transport", message: `the agent is lost: ${words}` }, { cause });
    const opening = this.#opening;
    this.#opening = null;
    this.#end();
    if (opening) opening.reject(error);
    else this.onLost(error);
  }

  #end(): void {
    this.#closed = true;
    this.#unwatch();
    this.#letGo();
  }
}
