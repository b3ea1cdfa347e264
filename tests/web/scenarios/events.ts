// Subscriptions and publications of an agent in a page, as the commands and notifications of `offhook agent --json`.
import {
  type Command,
  IncomingSubscription,
  type IncomingSubscriptionEvents,
  OffhookError,
  type Publication,
  Subscription,
  type SubscriptionEvents,
  type UserAgent,
} from "offhook";

type Of<T extends Command["type"]> = Extract<Command, { type: T }>;
type Tell = (told: { type: string } & Record<string, unknown>) => void;

/** What a subscription of ours tells, as notifications. */
const EVENTS: { [K in keyof SubscriptionEvents]: (event: SubscriptionEvents[K]) => Record<string, unknown> | null } = {
  // `subscriptionEnded` is told by the event `ended`.
  state: (event) => (event.state === "terminated" ? null : { ...event, type: "subscription" }),
  notice: (event) => ({ ...event }),
  // With the number of the fork, which the listener gives it.
  forked: () => null,
  ended: (event) => ({ ...event, type: "subscriptionEnded" }),
};

/** What somebody else's tells. */
const INCOMING: {
  [K in keyof IncomingSubscriptionEvents]: (event: IncomingSubscriptionEvents[K]) => Record<string, unknown> | null;
} = {
  state: (event) => (event.state === "terminated" ? null : { ...event, type: "subscription", cause: null }),
  refreshed: (event) => ({ ...event }),
  ended: (event) => ({ ...event, type: "subscriptionEnded" }),
};

export class Events {
  readonly #tell: Tell;
  readonly #subscriptions: (Subscription | IncomingSubscription)[] = [];
  readonly #publications: Publication[] = [];

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Listens to what nobody asked for. */
  watch(ua: UserAgent): void {
    ua.on("unsolicited", (event) => this.#tell(event));
    ua.on("incomingSubscription", ({ subscription: theirs, at }) => {
      const { from, to, package: name, event, expires, contentType, body, headers } = theirs;
      const subscription = this.#add(theirs);
      const request = { from, to, package: name, event, expires, contentType, body, headers };
      this.#tell({ type: "incomingSubscription", subscription, call: null, ...request, at });
      for (const kind of Object.keys(INCOMING) as (keyof IncomingSubscriptionEvents)[])
        this.#listenIncoming(theirs, subscription, kind);
    });
  }

  async subscribe(ua: UserAgent, command: Of<"subscribe">): Promise<{ subscription: number }> {
    const { id: _, type: __, target, event, ...options } = command;
    return { subscription: this.#follow(await ua.subscribe(target, event, options)) };
  }

  unsubscribe({ subscription }: Of<"unsubscribe">): Promise<void> {
    return this.#ours(subscription).unsubscribe();
  }

  refresh({ subscription }: Of<"refreshSubscription">): Promise<void> {
    return this.#ours(subscription).refresh();
  }

  accept({ subscription, id: _, type: __, ...options }: Of<"acceptSubscription">): Promise<void> {
    return this.#theirs(subscription).accept(options);
  }

  reject({ subscription, status, reason }: Of<"rejectSubscription">): Promise<void> {
    return this.#theirs(subscription).reject(status, reason);
  }

  notify({ subscription, contentType, body }: Of<"notify">): Promise<void> {
    return this.#theirs(subscription).notify(contentType, body);
  }

  terminate({ subscription, reason, id: _, type: __, ...options }: Of<"terminateSubscription">): Promise<void> {
    return this.#theirs(subscription).terminate(reason, options);
  }

  async publish(ua: UserAgent, command: Of<"publish">): Promise<{ publication: number; expires: number | null }> {
    const { id: _, type: __, event, contentType, body, ...options } = command;
    const publication = await ua.publish(event, contentType, body, options);
    const number = this.#publications.push(publication);
    publication.on("state", (state) =>
      this.#tell({ ...state, type: "publication", publication: number, error: state.error && state.error.detail }),
    );
    const { expires } = publication;
    // The first time it is the promise that says it.
    this.#tell({ type: "publication", publication: number, state: "published", expires, error: null, at: Date.now() });
    return { publication: number, expires };
  }

  async update({ publication, contentType, body }: Of<"updatePublication">): Promise<Record<string, unknown>> {
    const found = this.#publication(publication);
    await found.update(contentType, body);
    return { publication, expires: found.expires };
  }

  remove({ publication }: Of<"removePublication">): Promise<void> {
    return this.#publication(publication).remove();
  }

  /** What is wrong with how it ended. */
  async end(): Promise<string[]> {
    const problems: string[] = [];
    for (const [index, subscription] of this.#subscriptions.entries()) {
      if (subscription.state !== "terminated") problems.push(`subscription ${index + 1} is ${subscription.state}`);
      const ended = subscription.ended.then(() => true);
      const soon = new Promise<boolean>((resolve) => setTimeout(resolve, 0, false));
      if (!(await Promise.race([ended, soon]))) problems.push(`subscription ${index + 1} never resolves ended`);
    }
    for (const [index, publication] of this.#publications.entries())
      if (publication.state !== "ended") problems.push(`publication ${index + 1} is ${publication.state}`);
    return problems;
  }

  #follow(subscription: Subscription): number {
    const number = this.#add(subscription);
    for (const kind of Object.keys(EVENTS) as (keyof SubscriptionEvents)[]) this.#listen(subscription, number, kind);
    subscription.on("forked", ({ subscription: fork, at }) => {
      this.#tell({ type: "forked", subscription: number, fork: this.#follow(fork), at });
    });
    // What waited for the handle: a failure at once, or a notification.
    if (subscription.notice) this.#tell({ type: "notice", subscription: number, ...subscription.notice });
    return number;
  }

  #add(subscription: Subscription | IncomingSubscription): number {
    return this.#subscriptions.push(subscription);
  }

  #listen<K extends keyof SubscriptionEvents>(subscription: Subscription, number: number, kind: K): void {
    subscription.on(kind, (event) => this.#told(number, EVENTS[kind](event)));
  }

  #listenIncoming<K extends keyof IncomingSubscriptionEvents>(
    subscription: IncomingSubscription,
    number: number,
    kind: K,
  ): void {
    subscription.on(kind, (event) => this.#told(number, INCOMING[kind](event)));
  }

  #told(subscription: number, told: Record<string, unknown> | null): void {
    if (told) this.#tell({ ...(told as { type: string }), subscription });
  }

  #ours(number: number): Subscription {
    const found = this.#subscriptions[number - 1];
    if (found instanceof Subscription) return found;
    throw gone("subscription");
  }

  #theirs(number: number): IncomingSubscription {
    const found = this.#subscriptions[number - 1];
    if (found instanceof IncomingSubscription) return found;
    throw gone("subscription");
  }

  #publication(number: number): Publication {
    const found = this.#publications[number - 1];
    if (!found) throw gone("publication");
    return found;
  }
}

function gone(what: string): OffhookError {
  return new OffhookError({ kind: "state", message: `there is no such ${what}` });
}
