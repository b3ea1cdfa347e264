import type { AgentClient, AgentEvent } from "./agent-client.js";
import { Deferred, ignore } from "./async.js";
import { OffhookError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import type { MessageSummary, SubscriptionEnd, SubscriptionNumber, SubscriptionState } from "./protocol.js";
import { Queue } from "./queue.js";

/** What one notification brought. */
export interface Notice {
  /** The event package. */
  package: string;
  /** The state it tells: pending, active or terminated. */
  state: SubscriptionState;
  /** MIME type of the body; empty without one. */
  contentType: string;
  /** The body as it came. */
  body: string;
  /** The body of `message-summary`, read. */
  summary: MessageSummary | null;
  at: number;
}

/** What a subscription tells, by event name. Each event carries its name as `type`. */
export interface SubscriptionEvents {
  /** The state changed; `expires` is in seconds. `cause` says what was lost, where it is subscribed again. */
  state: { type: "state"; state: SubscriptionState; expires: number | null; cause: string | null; at: number };
  /** A notification came. */
  notice: { type: "notice" } & Notice;
  /** Another notifier answered the same request: a subscription of its own, which ends with this one. */
  forked: { type: "forked"; subscription: Subscription; at: number };
  /** It is over. Nothing follows. */
  ended: { type: "ended"; end: SubscriptionEnd; at: number };
}

/** A notification about one subscription or another. */
export type SubscriptionNotification = Exclude<
  Extract<AgentEvent, { subscription: SubscriptionNumber }>,
  { type: "incomingSubscription" }
>;

/** Notifications kept for who has not iterated yet. */
const KEPT = 64;

/**
 * A subscription of ours (RFC 6665). It is refreshed by itself, and made again after a loss as the notifier's reason says.
 *
 * ```ts
 * const subscription = await ua.subscribe("bob", "presence");
 * for await (const notice of subscription.notices) console.log(notice.body);
 * ```
 */
export class Subscription extends TypedEventTarget<SubscriptionEvents> {
  /** The Event value that was asked for, e.g. `presence`. */
  readonly event: string;
  /** The first notification is here; rejects with the reason if it never comes to that. May be ignored. */
  readonly established: Promise<void>;
  /** Why and by whom it ended. Never rejects. */
  readonly ended: Promise<SubscriptionEnd>;
  /** The notifications: `for await (const notice of subscription.notices)`. Ends with the subscription. */
  readonly notices: AsyncIterable<Notice>;

  readonly #number: SubscriptionNumber;
  readonly #client: AgentClient;
  readonly #established = new Deferred<void>();
  readonly #ended = new Deferred<SubscriptionEnd>();
  readonly #queue = new Queue<Notice>(KEPT);
  #state: SubscriptionState = "subscribing";
  #notice: Notice | null = null;
  #end: SubscriptionEnd | null = null;

  /** @internal Subscriptions come from `UserAgent.subscribe`. */
  constructor(number: SubscriptionNumber, event: string, client: AgentClient) {
    super();
    this.event = event;
    this.established = this.#established.promise;
    this.ended = this.#ended.promise;
    this.notices = this.#queue;
    this.#number = number;
    this.#client = client;
  }

  /** Where it is now. */
  get state(): SubscriptionState {
    return this.#state;
  }

  /** The latest notification. */
  get notice(): Notice | null {
    return this.#notice;
  }

  /** Ends it. Done when the notifier has said its last, or is not there any more. Asking twice is fine. */
  async unsubscribe(): Promise<void> {
    if (this.#end) return;
    await this.#client.request<"unsubscribe">({ type: "unsubscribe", subscription: this.#number });
  }

  /**
   * Asks for the whole state at once, e.g. where a partial document does not fit what was known. Done when the
   * notification is here.
   */
  async refresh(): Promise<void> {
    await this.#client.request<"refreshSubscription">({ type: "refreshSubscription", subscription: this.#number });
  }

  /** @internal Nobody waits for it any more. */
  giveUp(error: OffhookError): void {
    this.#established.reject(error);
    ignore(this.unsubscribe());
  }

  /** @internal */
  deliver(notification: SubscriptionNotification): void {
    if (this.#end) return;
    const { at } = notification;
    switch (notification.type) {
      case "subscription": {
        const { state, expires, cause } = notification;
        this.#state = state;
        this.emit("state", { type: "state", state, expires, cause, at });
        break;
      }
      case "notice": {
        const { package: name, state, contentType, body, summary } = notification;
        this.#notice = { package: name, state, contentType, body, summary, at };
        this.#queue.push(this.#notice);
        this.#established.resolve();
        this.emit("notice", { type: "notice", ...this.#notice });
        break;
      }
      case "subscriptionEnded":
        this.#finish(notification.end, at);
        break;
    }
  }

  /** @internal Another notifier answered. */
  forked(subscription: Subscription, at: number): void {
    this.emit("forked", { type: "forked", subscription, at });
  }

  #finish(end: SubscriptionEnd, at: number): void {
    this.#state = "terminated";
    this.#end = end;
    this.#queue.close();
    this.#established.reject(
      end.error ? new OffhookError(end.error) : new OffhookError({ kind: "cancelled" }, { message: end.reason }),
    );
    this.#ended.resolve(end);
    this.emit("ended", { type: "ended", end, at });
  }
}
