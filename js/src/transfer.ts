import { Deferred } from "./async.js";
import type { AgentEvent } from "./agent-client.js";
import type { Call } from "./call.js";
import { OffhookError, stateError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import type { MediaSource } from "./media/handler.js";
import type { Address, Header } from "./protocol.js";

/** How to ask for a transfer. */
export interface TransferOptions {
  /** End the call that was transferred once the new one is answered (default true). It goes on where that fails. */
  hangUp?: boolean;
  /** Be told how it goes (default true); else, where the other side agrees (RFC 4488), it is done when it is accepted. */
  follow?: boolean;
  /**
   * Name the side that takes the call over by its Contact, not by its address: where that leads to another phone, or nowhere
   * (default false). For `transferTo` and `handOver`.
   */
  toContact?: boolean;
  /** How long the other side may be silent, in milliseconds (default 180000). */
  timeout?: number;
  /** More header fields for the request. */
  headers?: Header[];
}

/** @internal The options as they go to the agent. */
export function transferFields(options: TransferOptions): TransferOptions {
  const { hangUp, follow, timeout, toContact, headers } = options;
  return {
    ...(hangUp === undefined ? {} : { hangUp }),
    ...(follow === undefined ? {} : { follow }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(toContact === undefined ? {} : { toContact }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** One word of the other side about the new call: 100, 180 and so on, at last the final status. */
export interface TransferProgress {
  status: number;
  reason: string;
  at: number;
}

/** What came of a transfer. */
export interface TransferOutcome {
  /** The final status of the new call. Null: the other side agreed to transfer but tells no more. */
  status: number | null;
  reason: string;
}

/** What a transfer tells, by event name. Each event carries its name as `type`. */
export interface TransferEvents {
  /** The other side took the request. */
  accepted: { type: "accepted"; at: number };
  /** It tells of the new call. */
  progress: { type: "progress" } & TransferProgress;
  /** It is over. `outcome` is null where it failed, `error` says why. */
  done: { type: "done"; outcome: TransferOutcome | null; error: OffhookError | null; at: number };
}

/** A notification about a transfer of ours. */
export type TransferNotification = Extract<
  AgentEvent,
  { type: "transferAccepted" | "transferProgress" | "transferDone" }
>;

/**
 * A transfer that this side asked for. It outlives the call it is about: go on, and look at `done` later.
 *
 * ```ts
 * const transfer = await call.transfer("carol");
 * for await (const { status, reason } of transfer.progress) console.log(status, reason);
 * await transfer.done;
 * ```
 */
export class Transfer extends TypedEventTarget<TransferEvents> {
  /** The other side took the request; nothing is transferred yet. Rejects if it refused. May be ignored. */
  readonly accepted: Promise<void>;
  /** The new call is answered. Rejects if the request was refused, the new call failed or nothing more was heard. May be ignored. */
  readonly done: Promise<TransferOutcome>;

  readonly #accepted = new Deferred<void>();
  readonly #done = new Deferred<TransferOutcome>();
  readonly #steps: TransferProgress[] = [];
  #news = new Deferred<void>();
  #over = false;

  /** @internal Transfers come from `Call.transfer`, `Call.transferTo` and `UserAgent.refer`. */
  constructor(attach: (deliver: (notification: TransferNotification) => void) => void) {
    super();
    this.accepted = this.#accepted.promise;
    this.done = this.#done.promise;
    attach((notification) => this.#deliver(notification));
  }

  /** What the other side has told and will tell of the new call. Ends when the transfer is over. */
  get progress(): AsyncIterable<TransferProgress> {
    return { [Symbol.asyncIterator]: () => this.#iterate() };
  }

  async *#iterate(): AsyncGenerator<TransferProgress, void, undefined> {
    for (let next = 0; ; ) {
      for (const step of this.#steps.slice(next)) {
        next++;
        yield step;
      }
      if (next < this.#steps.length) continue;
      if (this.#over) return;
      await this.#news.promise;
    }
  }

  #deliver(notification: TransferNotification): void {
    if (this.#over) return;
    const { at } = notification;
    switch (notification.type) {
      case "transferAccepted":
        this.#accepted.resolve();
        this.emit("accepted", { type: "accepted", at });
        break;
      case "transferProgress": {
        const { status, reason } = notification;
        this.#steps.push({ status, reason, at });
        this.#wake();
        this.emit("progress", { type: "progress", status, reason, at });
        break;
      }
      case "transferDone": {
        this.#over = true;
        const error = notification.error && new OffhookError(notification.error);
        const outcome = error ? null : { status: notification.status, reason: notification.reason };
        if (outcome) {
          this.#accepted.resolve();
          this.#done.resolve(outcome);
        } else if (error) {
          this.#accepted.reject(error);
          this.#done.reject(error);
        }
        this.#wake();
        this.emit("done", { type: "done", outcome, error, at });
        break;
      }
    }
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = new Deferred();
  }
}

/** How to follow a transfer. */
export interface FollowOptions {
  /** Where our sound comes from; the microphone if absent. */
  audio?: MediaSource;
  /** Where our picture comes from, e.g. `true` for the camera; there is none if absent. */
  video?: MediaSource;
  /** More header fields for the INVITE. */
  headers?: Header[];
  /** Hangs up as long as the new call is not established; before it is made, the request stays open. */
  signal?: AbortSignal;
}

/** What a request for a transfer tells, by event name. */
export interface TransferRequestEvents {
  /** Nobody decided about it in time. */
  expired: { type: "expired"; at: number };
}

/** @internal What a request is made of. */
export interface TransferRequestInit {
  call: Call | null;
  from: Address;
  target: Address;
  referredBy: Address | null;
  replaces: boolean;
  headers: Header[];
  /** Makes the new call. */
  follow: (target: string, options: FollowOptions) => Promise<Call>;
  refuse: (status: number | undefined, reason: string | undefined) => Promise<void>;
  /** Receives the function that ends the request for lack of time. */
  attach: (expire: (at: number) => void) => void;
}

/**
 * A transfer that the other side asks for: nobody is called before it is accepted. Without a decision it is refused after
 * a minute.
 */
export class TransferRequest extends TypedEventTarget<TransferRequestEvents> {
  /** The call it is about; null if it came outside of any. */
  readonly call: Call | null;
  /** Who asks. */
  readonly from: Address;
  /** Whom to call. */
  readonly target: Address;
  /** Who refers, as the called side will see it. */
  readonly referredBy: Address | null;
  /** Whether the new call takes the place of another at the target: an attended transfer. */
  readonly replaces: boolean;
  /** The header fields of the request. */
  readonly headers: readonly Header[];

  readonly #follow: TransferRequestInit["follow"];
  readonly #refuse: TransferRequestInit["refuse"];
  #open = true;
  #following: Promise<Call> | null = null;

  /** @internal Requests come by `onTransferRequest`. */
  constructor(init: TransferRequestInit) {
    super();
    this.call = init.call;
    this.from = init.from;
    this.target = init.target;
    this.referredBy = init.referredBy;
    this.replaces = init.replaces;
    this.headers = init.headers;
    this.#follow = init.follow;
    this.#refuse = init.refuse;
    init.attach((at) => {
      this.#open = false;
      this.emit("expired", { type: "expired", at });
    });
  }

  /** Whether it still waits for a decision. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * Follows it: calls the target, and tells the other side by itself how that goes. Resolves with the new call when its
   * INVITE is on its way. If the microphone cannot be had it rejects, and the request stays open.
   */
  accept(options: FollowOptions = {}): Promise<Call> {
    this.#following ??= this.#accept(options).catch((thrown: unknown) => {
      this.#following = null;
      throw thrown;
    });
    return this.#following;
  }

  async #accept(options: FollowOptions): Promise<Call> {
    if (!this.#open) throw stateError("the request for a transfer is over");
    const call = await this.#follow(this.target.uri, options);
    this.#open = false;
    return call;
  }

  /** Does not follow it (603 Decline if no status is given). */
  async reject(status?: number, reason?: string): Promise<void> {
    if (!this.#open || this.#following) throw stateError("the request for a transfer is over");
    await this.#refuse(status, reason);
    this.#open = false;
  }
}

/** @internal Those who decide about transfers. With nobody there the answer is no. */
export class Deciders {
  readonly #listeners: ((request: TransferRequest) => void)[] = [];

  get any(): boolean {
    return this.#listeners.length > 0;
  }

  add(listener: (request: TransferRequest) => void): () => void {
    this.#listeners.push(listener);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  tell(request: TransferRequest): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(request);
      } catch (thrown) {
        // As with events: what one throws does not reach the others, but is seen.
        reportError(thrown);
      }
    }
  }
}
