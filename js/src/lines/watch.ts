import { OffhookError, toOffhookError } from "../errors.js";
import { TypedEventTarget } from "../events.js";
import type { MessageSummary, SubscriptionEnd } from "../protocol.js";
import type { Notice, Subscription } from "../subscription.js";
import type { SubscribeOptions } from "../subscriptions.js";
import type { UserAgent } from "../user-agent.js";
import { completeTarget } from "../target.js";
import { type DialogEntry, DialogInfoState, lineState, type LineState, parseDialogInfo } from "./dialog-info.js";
import { parsePresence, type Presence } from "./pidf.js";

/** How to watch. */
export interface WatchOptions extends Omit<SubscribeOptions, "signal" | "accept"> {
  /**
   * After how many milliseconds it is tried again where the other side refuses, is not there, or ends it for good (default 60000;
   * false: never). Where it says how long to wait, at least that long.
   */
  retry?: number | false;
}

/** What every watch tells, by event name. Each event carries its name as `type`. */
export interface WatchEvents {
  /** Nothing is known at the moment: it was refused, or ended. It is tried again unless `retry` is false. */
  lost: { type: "lost"; error: OffhookError | null; end: SubscriptionEnd | null };
  /** A notification could not be read. */
  problem: { type: "problem"; error: OffhookError };
}

export interface DialogWatchEvents extends WatchEvents {
  dialogs: { type: "dialogs"; dialogs: readonly DialogEntry[]; line: LineState };
}

export interface PresenceWatchEvents extends WatchEvents {
  presence: { type: "presence"; presence: Presence };
}

export interface MessageWatchEvents extends WatchEvents {
  messages: { type: "messages"; summary: MessageSummary };
}

const RETRY = 60_000;

/** A subscription that is kept up, and its notifications as values. */
abstract class Watch<E extends WatchEvents> extends TypedEventTarget<E> {
  /** Whom it is about. */
  readonly target: string;
  protected readonly agent: UserAgent;
  readonly #event: string;
  readonly #options: WatchOptions;
  #subscription: Subscription | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #stopped: () => void;

  constructor(agent: UserAgent, target: string, event: string, options: WatchOptions) {
    super();
    this.agent = agent;
    this.target = completeTarget(target, agent.aor);
    this.#event = event;
    this.#options = options;
    this.#stopped = agent.on("stopped", () => void this.close());
    void this.#begin();
  }

  /** Ends it. Done when the other side knows, or is not there any more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stopped();
    const subscription = this.#subscription;
    this.#subscription = null;
    await subscription?.unsubscribe().catch(() => undefined);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes in what was told; whether the whole state is to be asked for. */
  protected abstract take(notice: Notice): boolean;
  /** Nothing is known any more. */
  protected abstract forget(): void;
  protected abstract tell(event: WatchEvents["lost"] | WatchEvents["problem"]): void;

  async #begin(): Promise<void> {
    const { retry: _, ...options } = this.#options;
    try {
      const subscription = await this.agent.subscribe(this.target, this.#event, options);
      if (this.#closed) return void subscription.unsubscribe().catch(() => undefined);
      this.#subscription = subscription;
      subscription.on("notice", (notice) => this.#onNotice(notice, subscription));
      subscription.on("ended", ({ end }) => this.#onEnded(end));
      if (subscription.notice) this.#onNotice(subscription.notice, subscription);
      if (subscription.state === "terminated") this.#onEnded(await subscription.ended);
    } catch (thrown) {
      this.#lost({ type: "lost", error: toOffhookError(thrown), end: null }, null);
    }
  }

  #onNotice(notice: Notice, subscription: Subscription): void {
    if (this.#closed || notice.contentType === "") return;
    try {
      if (this.take(notice)) subscription.refresh().catch(() => undefined);
    } catch (thrown) {
      this.tell({ type: "problem", error: toOffhookError(thrown) });
    }
  }

  #onEnded(end: SubscriptionEnd): void {
    if (!this.#subscription) return;
    this.#lost({ type: "lost", error: end.error && new OffhookError(end.error), end }, end.retryAfter);
  }

  #lost(event: WatchEvents["lost"], retryAfter: number | null): void {
    this.#subscription = null;
    if (this.#closed) return;
    this.forget();
    this.tell(event);
    const { retry = RETRY } = this.#options;
    if (retry === false || this.agent.state === "stopped") return;
    this.#timer = setTimeout(() => void this.#begin(), Math.max(retry, (retryAfter ?? 0) * 1000));
  }
}

/** Who is on the phone (RFC 4235): see `watchDialogs`. */
export class DialogWatch extends Watch<DialogWatchEvents> {
  #state = new DialogInfoState();
  #known = false;

  /** The dialogs as they were told last. */
  get dialogs(): readonly DialogEntry[] {
    return this.#state.dialogs;
  }

  /** What a lamp shows; null while nothing is known. */
  get line(): LineState | null {
    return this.#known ? lineState(this.dialogs) : null;
  }

  protected override take({ body }: Notice): boolean {
    const applied = this.#state.apply(parseDialogInfo(body));
    if (applied === "stale") return false;
    this.#known = true;
    this.emit("dialogs", { type: "dialogs", dialogs: this.dialogs, line: lineState(this.dialogs) });
    return applied === "incomplete";
  }

  protected override forget(): void {
    this.#state = new DialogInfoState();
    this.#known = false;
  }

  protected override tell(event: WatchEvents["lost"] | WatchEvents["problem"]): void {
    if (event.type === "lost") this.emit("lost", event);
    else this.emit("problem", event);
  }
}

/** Whether somebody is there (RFC 3856, 3863): see `watchPresence`. */
export class PresenceWatch extends Watch<PresenceWatchEvents> {
  #presence: Presence | null = null;

  /** What was told last; null while nothing is known. */
  get presence(): Presence | null {
    return this.#presence;
  }

  protected override take({ body }: Notice): boolean {
    const presence = parsePresence(body);
    this.#presence = presence;
    this.emit("presence", { type: "presence", presence });
    return false;
  }

  protected override forget(): void {
    this.#presence = null;
  }

  protected override tell(event: WatchEvents["lost"] | WatchEvents["problem"]): void {
    if (event.type === "lost") this.emit("lost", event);
    else this.emit("problem", event);
  }
}

/** Whether messages wait (RFC 3842): see `watchMessages`. */
export class MessageWatch extends Watch<MessageWatchEvents> {
  #summary: MessageSummary | null = null;
  readonly #unlisten: () => void;

  constructor(agent: UserAgent, target: string, options: WatchOptions) {
    super(agent, target, "message-summary", options);
    // Many servers tell it to whoever is registered, without being asked.
    this.#unlisten = agent.on("unsolicited", ({ package: name, summary }) => {
      if (name === "message-summary" && summary) this.#tellSummary(summary);
    });
  }

  /** What was told last; null while nothing is known. */
  get summary(): MessageSummary | null {
    return this.#summary;
  }

  override async close(): Promise<void> {
    this.#unlisten();
    await super.close();
  }

  protected override take({ summary }: Notice): boolean {
    if (summary) this.#tellSummary(summary);
    return false;
  }

  /** What a server told unasked is true though it lets nobody subscribe. */
  protected override forget(): void {}

  protected override tell(event: WatchEvents["lost"] | WatchEvents["problem"]): void {
    if (event.type === "lost") this.emit("lost", event);
    else this.emit("problem", event);
  }

  #tellSummary(summary: MessageSummary): void {
    this.#summary = summary;
    this.emit("messages", { type: "messages", summary });
  }
}

/** Watches whether somebody is on the phone, for a lamp (BLF) or to pick calls up: the package `dialog`. */
export function watchDialogs(agent: UserAgent, target: string, options: WatchOptions = {}): DialogWatch {
  return new DialogWatch(agent, target, "dialog", options);
}

/** Watches whether somebody is there: the package `presence`. */
export function watchPresence(agent: UserAgent, target: string, options: WatchOptions = {}): PresenceWatch {
  return new PresenceWatch(agent, target, "presence", options);
}

/** Watches whether messages wait in a mailbox, our own if none is given: the package `message-summary`, also unsolicited. */
export function watchMessages(agent: UserAgent, target: string = agent.aor, options: WatchOptions = {}): MessageWatch {
  return new MessageWatch(agent, target, options);
}
