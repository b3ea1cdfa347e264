import type { AgentClient, AgentEvent } from "./agent-client.js";
import { Deferred } from "./async.js";
import { OffhookError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import type { PublicationNumber, PublicationState } from "./protocol.js";

/** What a publication tells, by event name. Each event carries its name as `type`. */
export interface PublicationEvents {
  /** The state changed: `lost` is tried again by itself, with `error` the reason. */
  state: {
    type: "state";
    state: PublicationState;
    expires: number | null;
    error: OffhookError | null;
    at: number;
  };
}

/** A state of ours that a server keeps and tells others (RFC 3903). Refreshed by itself, and published anew if it got lost. */
export class Publication extends TypedEventTarget<PublicationEvents> {
  /** The Event value, e.g. `presence`. */
  readonly event: string;
  /** It is over, with the error if that was not asked for. Never rejects. */
  readonly ended: Promise<OffhookError | null>;

  readonly #number: PublicationNumber;
  readonly #client: AgentClient;
  readonly #ended = new Deferred<OffhookError | null>();
  #state: PublicationState = "published";
  #expires: number | null;

  /** @internal Publications come from `UserAgent.publish`. */
  constructor(number: PublicationNumber, event: string, expires: number, client: AgentClient) {
    super();
    this.event = event;
    this.ended = this.#ended.promise;
    this.#number = number;
    this.#client = client;
    this.#expires = expires;
  }

  /** Where it is now. */
  get state(): PublicationState {
    return this.#state;
  }

  /** Seconds that were granted last. */
  get expires(): number | null {
    return this.#expires;
  }

  /** Publishes another state in place of the one before. Done when the server has it. */
  async update(contentType: string, body: string): Promise<void> {
    await this.#client.request<"updatePublication">({
      type: "updatePublication",
      publication: this.#number,
      contentType,
      body,
    });
  }

  /** Takes it back. Done when the server has forgotten it. Asking twice is fine. */
  async remove(): Promise<void> {
    if (this.#state === "ended") return;
    await this.#client.request<"removePublication">({ type: "removePublication", publication: this.#number });
  }

  /** @internal */
  deliver({ state, expires, error, at }: Extract<AgentEvent, { type: "publication" }>): void {
    if (this.#state === "ended") return;
    this.#state = state;
    this.#expires = expires ?? this.#expires;
    const failure = error && new OffhookError(error);
    this.emit("state", { type: "state", state, expires, error: failure, at });
    if (state === "ended") this.#ended.resolve(failure);
  }
}
