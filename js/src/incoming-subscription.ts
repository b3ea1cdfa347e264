import type { AgentClient, AgentEvent } from "./agent-client.js";
import { Deferred } from "./async.js";
import { TypedEventTarget } from "./events.js";
import type { Address, Header, SubscriptionEnd, SubscriptionNumber, SubscriptionState } from "./protocol.js";
import type { SubscriptionNotification } from "./subscription.js";

/** What somebody else's subscription tells, by event name. Each event carries its name as `type`. */
export interface IncomingSubscriptionEvents {
  /** The state changed; `expires` is in seconds. */
  state: { type: "state"; state: SubscriptionState; expires: number | null; at: number };
  /** The subscriber asked for more time; the last state was sent to it again. */
  refreshed: { type: "refreshed"; expires: number; at: number };
  /** It is over. Nothing follows. */
  ended: { type: "ended"; end: SubscriptionEnd; at: number };
}

/** How to accept a subscription. */
export interface AcceptSubscriptionOptions {
  /** Received, but not decided about: the subscriber waits for a second `accept` or `reject`. */
  pending?: boolean;
  /** Seconds, no more than were asked for. */
  expires?: number;
  /** MIME type of `body`. */
  contentType?: string;
  /** The state it gets at once. */
  body?: string;
}

/** How to end a subscription. */
export interface TerminateOptions {
  /** After how many seconds it may be tried again. */
  retryAfter?: number;
  /** MIME type of `body`. */
  contentType?: string;
  /** The last state. */
  body?: string;
}

/**
 * Somebody else's subscription to one of our `packages` (RFC 6665), which waits for `accept` or `reject`. Without a word
 * for two seconds its subscriber is told that it is pending.
 */
export class IncomingSubscription extends TypedEventTarget<IncomingSubscriptionEvents> {
  /** Who wants to know. */
  readonly from: Address;
  /** What about. */
  readonly to: Address;
  /** The event package. */
  readonly package: string;
  /** The Event value as it came. */
  readonly event: string;
  /** Seconds that it can last; zero asks for the state once. */
  readonly expires: number;
  /** MIME type of the body of the request; empty without one. */
  readonly contentType: string;
  /** The body of the request, e.g. a filter. */
  readonly body: string;
  /** The header fields of the request. */
  readonly headers: readonly Header[];
  /** Why and by whom it ended. Never rejects. */
  readonly ended: Promise<SubscriptionEnd>;

  readonly #number: SubscriptionNumber;
  readonly #client: AgentClient;
  readonly #ended = new Deferred<SubscriptionEnd>();
  #state: SubscriptionState = "subscribing";
  #end: SubscriptionEnd | null = null;

  /** @internal They come from `UserAgent.incomingSubscriptions`. */
  constructor(request: Extract<AgentEvent, { type: "incomingSubscription" }>, client: AgentClient) {
    super();
    this.from = request.from;
    this.to = request.to;
    this.package = request.package;
    this.event = request.event;
    this.expires = request.expires;
    this.contentType = request.contentType;
    this.body = request.body;
    this.headers = request.headers;
    this.ended = this.#ended.promise;
    this.#number = request.subscription;
    this.#client = client;
  }

  /** Where it is now. */
  get state(): SubscriptionState {
    return this.#state;
  }

  /** Accepts it. Done when the subscriber has its first notification. */
  async accept(options: AcceptSubscriptionOptions = {}): Promise<void> {
    await this.#client.request<"acceptSubscription">({
      type: "acceptSubscription",
      subscription: this.#number,
      ...options,
    });
  }

  /** Refuses it (603 Decline if no status is given). */
  async reject(status?: number, reason?: string): Promise<void> {
    await this.#client.request<"rejectSubscription">({
      type: "rejectSubscription",
      subscription: this.#number,
      ...(status === undefined ? {} : { status }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** Tells the subscriber the state. Done when it has it; notifications go one after the other, in order. */
  async notify(contentType: string, body: string): Promise<void> {
    await this.#client.request<"notify">({ type: "notify", subscription: this.#number, contentType, body });
  }

  /** Ends it, for a reason of RFC 6665 4.1.3 (`noresource` if none is given). Asking twice is fine. */
  async terminate(reason?: string, options: TerminateOptions = {}): Promise<void> {
    if (this.#end) return;
    await this.#client.request<"terminateSubscription">({
      type: "terminateSubscription",
      subscription: this.#number,
      ...(reason === undefined ? {} : { reason }),
      ...options,
    });
  }

  /** @internal */
  deliver(notification: SubscriptionNotification): void {
    if (this.#end) return;
    const { at } = notification;
    switch (notification.type) {
      case "subscription":
        this.#state = notification.state;
        this.emit("state", { type: "state", state: notification.state, expires: notification.expires, at });
        break;
      case "refreshed":
        this.emit("refreshed", { type: "refreshed", expires: notification.expires, at });
        break;
      case "subscriptionEnded":
        this.#state = "terminated";
        this.#end = notification.end;
        this.#ended.resolve(notification.end);
        this.emit("ended", { type: "ended", end: notification.end, at });
        break;
    }
  }
}
