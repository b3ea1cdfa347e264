import type { AgentClient, AgentEvent } from "./agent-client.js";
import { aborted, ignore, throwIfAborted } from "./async.js";
import type { OffhookError } from "./errors.js";
import { IncomingSubscription } from "./incoming-subscription.js";
import type { Header, PublicationNumber, SubscriptionNumber } from "./protocol.js";
import { Publication } from "./publication.js";
import { Queue } from "./queue.js";
import { Subscription, type SubscriptionNotification } from "./subscription.js";

/** How to subscribe. */
export interface SubscribeOptions {
  /** Seconds to ask for (default 3600). Zero fetches the state once. */
  expires?: number;
  /** The media types of notifications; by default that of the package. */
  accept?: string;
  /** Whether others that answer a forked request make subscriptions of their own; by default as the package has it. */
  forks?: boolean;
  /** Subscribe again after a loss, as the notifier's reason says (default true). */
  renew?: boolean;
  /** MIME type of `body`. */
  contentType?: string;
  /** A body for the request, e.g. a filter. */
  body?: string;
  /** More header fields for the request. */
  headers?: Header[];
  /** Unsubscribes as long as no notification has come. */
  signal?: AbortSignal;
}

/** How to publish. */
export interface PublishOptions {
  /** Whose state it is; our own address by default. */
  target?: string;
  /** Seconds to ask for (default 3600). */
  expires?: number;
  /** More header fields for the request. */
  headers?: Header[];
}

/** Incoming subscriptions kept for who has not iterated yet. */
const KEPT = 64;

type PublicationNotification = Extract<AgentEvent, { type: "publication" }>;

/** @internal Who is told what of subscriptions and publications. */
export class Subscriptions {
  readonly incoming = new Queue<IncomingSubscription>(KEPT);
  readonly #client: AgentClient;
  readonly #subscriptions = new Map<SubscriptionNumber, Subscription | IncomingSubscription>();
  readonly #publications = new Map<PublicationNumber, Publication>();
  /** What was told of those whose number we are about to learn. */
  #early: (SubscriptionNotification | PublicationNotification)[] = [];
  #asking = 0;

  constructor(client: AgentClient) {
    this.#client = client;
  }

  async subscribe(target: string, event: string, options: SubscribeOptions): Promise<Subscription> {
    const { signal, ...rest } = options;
    throwIfAborted(signal);
    return this.#ask(async () => {
      const { subscription: number } = await this.#client.request<"subscribe">({
        type: "subscribe",
        target,
        event,
        ...rest,
      });
      const subscription = new Subscription(number, event, this.#client);
      this.#subscriptions.set(number, subscription);
      for (const early of this.#early) {
        if (early.type !== "publication" && early.subscription === number) this.deliver(early);
      }
      if (signal) giveUpOnAbort(subscription, signal);
      return subscription;
    });
  }

  async publish(event: string, contentType: string, body: string, options: PublishOptions): Promise<Publication> {
    return this.#ask(async () => {
      const { publication: number, expires } = await this.#client.request<"publish">({
        type: "publish",
        event,
        contentType,
        body,
        ...options,
      });
      const publication = new Publication(number, event, expires, this.#client);
      this.#publications.set(number, publication);
      for (const early of this.#early) {
        // That it is published is what the number came with.
        if (early.type === "publication" && early.publication === number && early.state !== "published")
          this.deliverPublication(early);
      }
      return publication;
    });
  }

  async #ask<T>(task: () => Promise<T>): Promise<T> {
    this.#asking++;
    try {
      return await task();
    } finally {
      this.#asking--;
      if (this.#asking === 0) this.#early = [];
    }
  }

  receive(request: Extract<AgentEvent, { type: "incomingSubscription" }>): IncomingSubscription {
    const subscription = new IncomingSubscription(request, this.#client);
    this.#subscriptions.set(request.subscription, subscription);
    this.incoming.push(subscription);
    return subscription;
  }

  deliver(notification: SubscriptionNotification): void {
    const subscription = this.#subscriptions.get(notification.subscription);
    if (!subscription) {
      if (this.#asking > 0) this.#early.push(notification);
      return;
    }
    if (notification.type === "forked" && subscription instanceof Subscription) {
      const fork = new Subscription(notification.fork, subscription.event, this.#client);
      this.#subscriptions.set(notification.fork, fork);
      subscription.forked(fork, notification.at);
    }
    subscription.deliver(notification);
    if (notification.type === "subscriptionEnded") this.#subscriptions.delete(notification.subscription);
  }

  deliverPublication(notification: PublicationNotification): void {
    const publication = this.#publications.get(notification.publication);
    if (publication) publication.deliver(notification);
    else if (this.#asking > 0) this.#early.push(notification);
    if (notification.state === "ended") this.#publications.delete(notification.publication);
  }

  /** Whatever the agent did not end itself ends here. */
  stop(error: OffhookError, at: number): void {
    const end = { by: "local", reason: error.message, retryAfter: null, error: { kind: "cancelled" } } as const;
    for (const subscription of this.#subscriptions.keys())
      this.deliver({ type: "subscriptionEnded", subscription, end, at });
    for (const publication of this.#publications.keys())
      this.deliverPublication({ type: "publication", publication, state: "ended", expires: null, error: null, at });
    this.incoming.close();
  }
}

function giveUpOnAbort(subscription: Subscription, signal: AbortSignal): void {
  const onAbort = (): void => subscription.giveUp(aborted(signal));
  if (signal.aborted) return onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  ignore(subscription.established.finally(() => signal.removeEventListener("abort", onAbort)));
}
