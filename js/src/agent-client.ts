import type { AgentPort } from "./agent-port.js";
import { Deferred } from "./async.js";
import { OffhookError, toOffhookError } from "./errors.js";
import type { Command, Notification, Results } from "./protocol.js";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** A command before it has its number. */
export type Request<T extends Command["type"] = Command["type"]> = WithoutId<Extract<Command, { type: T }>>;

/** A notification that answers no command. */
export type AgentEvent = Exclude<Notification, { type: "result" | "error" }>;

/** Turns commands and their answers into promises; knows nothing of what they mean. */
export class AgentClient {
  readonly #port: AgentPort;
  readonly #pending = new Map<number, Deferred<Results[keyof Results]>>();
  #nextId = 1;
  #closed: OffhookError | null = null;

  constructor(port: AgentPort, onEvent: (event: AgentEvent) => void, onLost: (error: OffhookError) => void) {
    this.#port = port;
    port.onLost = onLost;
    port.onNotification = (notification) => {
      switch (notification.type) {
        case "result":
          this.#take(notification.id)?.resolve(notification.value);
          break;
        case "error":
          this.#take(notification.id)?.reject(new OffhookError(notification.error));
          break;
        default:
          onEvent(notification);
      }
    };
  }

  /** Sends one command; resolves with its result, rejects with its typed error. */
  async request<T extends Command["type"]>(request: Request<T>): Promise<Results[T]> {
    if (this.#closed) throw this.#closed;
    const id = this.#nextId++;
    const answer = new Deferred<Results[keyof Results]>();
    this.#pending.set(id, answer);
    try {
      // The number completes the command; TypeScript cannot see that through the generic union.
      this.#port.send({ id, ...request } as unknown as Command);
    } catch (thrown) {
      this.#pending.delete(id);
      throw toOffhookError(thrown);
    }
    // What a result carries is fixed by the command's type (protocol.ts).
    return (await answer.promise) as Results[T];
  }

  /** Lets the agent go; whatever is still pending rejects with `error`. Idempotent. */
  close(error: OffhookError): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#port.close();
    for (const answer of this.#pending.values()) answer.reject(error);
    this.#pending.clear();
  }

  #take(id: number): Deferred<Results[keyof Results]> | undefined {
    const answer = this.#pending.get(id);
    this.#pending.delete(id);
    return answer;
  }
}
