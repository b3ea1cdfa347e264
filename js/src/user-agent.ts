import { AgentClient, type AgentEvent } from "./agent-client.js";
import type { AgentPort } from "./agent-port.js";
import { abortable, aborted, ignore, throwIfAborted, within } from "./async.js";
import type { Call, WaitOptions } from "./call.js";
import { Calls } from "./calls.js";
import { OffhookError, toOffhookError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import type { IncomingSubscription } from "./incoming-subscription.js";
import type { KeptCalls } from "./kept-calls.js";
import type { MediaHandlerFactory } from "./media/handler.js";
import { mediaFactory, openHost, openKept, trickling } from "./opening.js";
import type { AgentConfig, Binding, CallId, DialogSnapshot, RegistrationSnapshot, SavedCall, TransactionSnapshot } from "./protocol.js";
import type { Publication } from "./publication.js";
import { Queue } from "./queue.js";
import { serverSettings } from "./servers.js";
import type { Subscription } from "./subscription.js";
import { Subscriptions, type PublishOptions, type SubscribeOptions } from "./subscriptions.js";
import { completeTarget } from "./target.js";
import { Deciders, type Transfer, transferFields, type TransferOptions, type TransferRequest } from "./transfer.js";
import { Transfers } from "./transfers.js";
import { watchNetwork } from "./triggers.js";
import type { RegistrationState, UserAgentEvents, UserAgentState } from "./user-agent-events.js";
import type { CallOptions, ConnectOptions, MessageOptions, RegisterOptions } from "./user-agent-options.js";

export type * from "./user-agent-events.js";
export type * from "./user-agent-options.js";

const CONNECT_TIMEOUT = 8000;
const SHUTDOWN_DEADLINE = 2000;

/**
 * A SIP user agent.
 *
 * ```ts
 * const ua = await UserAgent.connect({ aor: "sip:alice@example.com", server: "wss://example.com/ws", password });
 * await ua.register();
 * const call = await ua.call("bob");
 * await call.established;
 * ```
 */
export class UserAgent extends TypedEventTarget<UserAgentEvents> {
  /** Our address of record. */
  readonly aor: string;
  /** Incoming calls, one after the other: `for await (const call of ua.incoming)`. Ends when the agent stops. */
  readonly incoming: AsyncIterable<Call>;
  /**
   * Subscriptions of others to our `packages`: `for await (const subscription of ua.incomingSubscriptions)`. Ends when the
   * agent stops.
   */
  readonly incomingSubscriptions: AsyncIterable<IncomingSubscription>;
  /** The calls of this tab before its page was loaded anew, with `keepCalls`: `call.pickUp()` opens their media. */
  readonly restored: readonly Call[] = [];

  readonly #client: AgentClient;
  readonly #openMedia: MediaHandlerFactory;
  readonly #credentials: ConnectOptions["credentials"];
  readonly #queue = new Queue<Call>(Infinity, (call) => call.state === "ringing");
  readonly #subscriptions: Subscriptions;
  readonly #calls: Calls;
  readonly #transfers: Transfers;
  readonly #deciders = new Deciders();
  #kept: KeptCalls | null = null;
  #state: UserAgentState = "connecting";
  #registration: RegistrationState = "unregistered";
  #stopping: Promise<void> | null = null;
  #unwatch: () => void = () => undefined;

  /**
   * Connects. Done when the first connection to the server is up; rejects if that takes longer than `connectTimeout`.
   * A connection that is lost later is restored by itself.
   */
  static async connect(options: ConnectOptions): Promise<UserAgent> {
    const { signal, media, host = "page", worker, port, credentials, watchNetwork: watch = true, trickle: _, ...rest } = options;
    const openPort = port ?? ((config: AgentConfig) => openHost(config, host, worker));
    const settings = { ...rest, ...serverSettings(options.server, options.servers), ...trickling(options) };
    const config: AgentConfig = credentials ? { ...settings, askCredentials: true } : settings;
    // Each server has that long.
    const connectTimeout = (config.connectTimeout ?? CONNECT_TIMEOUT) * (1 + (config.servers?.length ?? 0));
    throwIfAborted(signal);
    const opening = openPort(config);
    let ua: UserAgent | null = null;
    const connected = opening.then(async (port) => {
      ua = new UserAgent(port, config, mediaFactory(media), credentials);
      if (config.keepCalls) ua.#kept = await openKept(config.aor);
      await ua.#client.request<"connect">({ type: "connect" });
      await ua.#restore();
      if (watch) ua.#watch();
      return ua;
    });
    const late = (): OffhookError =>
      new OffhookError(
        { kind: "timeout", timer: "" },
        { message: `no connection to ${config.server} within ${connectTimeout / 1000} s` },
      );
    try {
      return await within(abortable(connected, signal), connectTimeout, late);
    } catch (thrown) {
      const error = toOffhookError(thrown);
      if (ua) (ua as UserAgent).#stop(error);
      else ignore(opening.then((port) => port.close()));
      throw error;
    }
  }

  private constructor(
    port: AgentPort,
    config: AgentConfig,
    openMedia: MediaHandlerFactory,
    credentials: ConnectOptions["credentials"],
  ) {
    super();
    this.aor = config.aor;
    this.incoming = this.#queue;
    this.#openMedia = openMedia;
    this.#credentials = credentials;
    this.#client = new AgentClient(
      port,
      (event) => this.#onEvent(event),
      (error) => this.#stop(error, "network"),
    );
    const local = { displayName: config.displayName ?? null, uri: config.aor };
    this.#transfers = new Transfers(this.#client, (...call) => this.#place(...call));
    this.#calls = new Calls(
      this.#client,
      local,
      openMedia,
      (request) => this.#transfers.place(request),
      (call) => this.emit("call", { type: "call", call }),
    );
    this.#subscriptions = new Subscriptions(this.#client);
    this.incomingSubscriptions = this.#subscriptions.incoming;
  }

  /** What the page notices goes to the agent, which decides what follows; then media that are lost get another try. */
  #watch(): void {
    if (this.#state === "stopped") return;
    this.#unwatch = watchNetwork(() =>
      ignore(
        this.checkConnection().then(() => {
          this.#calls.restoreMedia();
        }),
      ),
    );
  }

  /** The state of the connection. */
  get state(): UserAgentState {
    return this.#state;
  }

  /** The state of the registration. */
  get registration(): RegistrationState {
    return this.#registration;
  }

  /** The calls that have not ended. */
  get calls(): readonly Call[] {
    return this.#calls.all;
  }

  /**
   * Registers; done when the registrar has agreed. It is refreshed by itself. Resolves with the granted time in seconds.
   * Called when a push came, it registers at once anew (RFC 8599 4.1.3).
   */
  register({ push, ...options }: RegisterOptions = {}): Promise<{ expires: number }> {
    return this.#request<"register">({ type: "register", ...(push ? { push } : {}) }, options);
  }

  /**
   * Sees at once whether the connection is of use, as happens by itself when the page notices that the network may have
   * changed: one that is lost is tried now, one that seems to be up is pinged and has 5 s to answer. Done when one is up;
   * rejects if there is none at the moment, which is tried again by itself.
   */
  async checkConnection(options: WaitOptions = {}): Promise<void> {
    await this.#request<"checkConnection">({ type: "checkConnection" }, options);
  }

  /** Asks the registrar for everything that is bound to our address. */
  async bindings(options: WaitOptions = {}): Promise<Binding[]> {
    return (await this.#request<"bindings">({ type: "bindings" }, options)).bindings;
  }

  /** Takes away everything that is bound to our address, whosever it is; if we are registered, that is made anew. */
  async clearBindings(options: WaitOptions = {}): Promise<void> {
    await this.#request<"clearBindings">({ type: "clearBindings" }, options);
  }

  /** The registration in detail, as it is now. */
  inspectRegistration(): Promise<RegistrationSnapshot> {
    return this.#request<"inspectRegistration">({ type: "inspectRegistration" }, {});
  }

  /** The dialogs of calls and subscriptions, the oldest first, each with its history. */
  async inspectDialogs(): Promise<DialogSnapshot[]> {
    return (await this.#request<"inspectDialogs">({ type: "inspectDialogs" }, {})).dialogs;
  }

  /** The transactions, the oldest first, each with its history, and with its call while that is known. */
  async inspectTransactions(): Promise<TransactionSnapshot[]> {
    return (await this.#request<"inspectTransactions">({ type: "inspectTransactions" }, {})).transactions;
  }

  /** Takes the registration back. */
  async unregister(options: WaitOptions = {}): Promise<void> {
    await this.#request<"unregister">({ type: "unregister" }, options);
  }

  /**
   * Calls `target`: a URI, `bob@example.org`, or only `bob` or a number for somebody of our own domain.
   * Resolves when the INVITE is on its way; wait for `call.established` to talk.
   */
  async call(target: string, options: CallOptions = {}): Promise<Call> {
    const { headers, replaces, joins, features, followRedirects, answerTimeout, preferredIdentity, privacy, anonymous } = options;
    const uri = completeTarget(target, this.aor);
    return this.#place(uri, options, (sdp) =>
      this.#client.request<"call">({
        type: "call",
        target: uri,
        ...(sdp === null ? {} : { sdp }),
        ...(headers ? { headers } : {}),
        ...(followRedirects === undefined ? {} : { followRedirects }),
        ...(answerTimeout === undefined ? {} : { answerTimeout }),
        ...(replaces ? { replaces } : {}),
        ...(joins ? { joins } : {}),
        ...(features ? { features } : {}),
        ...(preferredIdentity === undefined ? {} : { preferredIdentity }),
        ...(privacy ? { privacy } : {}),
        ...(anonymous ? { anonymous } : {}),
      }),
    );
  }

  /** A new call of ours: its media, then whatever makes it. */
  async #place(
    uri: string,
    { audio, video, signal, offer = true }: Pick<CallOptions, "audio" | "video" | "signal" | "offer">,
    request: (sdp: string | null) => Promise<{ call: CallId; callId: string }>,
  ): Promise<Call> {
    throwIfAborted(signal);
    const media = this.#openMedia({ direction: "outgoing", audio, video });
    try {
      const sdp = offer ? await abortable(media.createOffer({ hold: false, iceRestart: false }), signal) : null;
      const call = await this.#calls.place(uri, media, !offer, signal, () => request(sdp));
      if (signal?.aborted) throw aborted(signal);
      return call;
    } catch (thrown) {
      media.close();
      throw toOffhookError(thrown);
    }
  }

  /**
   * Goes on with a call that another user agent has saved (`call.save()`) and has no more. It is established at once;
   * `call.pickUp()` opens its media. Rejects if it cannot go on. With `keepCalls` a reload of the page needs none of this.
   */
  async restoreCall(saved: SavedCall): Promise<Call> {
    return this.#calls.restore(saved);
  }

  /** One that cannot go on is over. */
  async #restore(): Promise<void> {
    for (const saved of this.#kept?.all ?? []) {
      try {
        (this.restored as Call[]).push(await this.restoreCall(saved));
      } catch {
        this.#kept?.drop(saved.callId);
      }
    }
  }

  /**
   * Asks `peer`, outside of any call, to call `target`. Resolves when the request is on its way; `transfer.done` is what
   * comes of it.
   */
  async refer(peer: string, target: string, options: Omit<TransferOptions, "hangUp"> = {}): Promise<Transfer> {
    const referTo = completeTarget(target, this.aor);
    const uri = completeTarget(peer, this.aor);
    return this.#transfers.place({ type: "refer", target: uri, referTo, ...transferFields(options) });
  }

  /**
   * Decides about transfers that others ask for, within calls that have nobody to decide of their own and outside of any;
   * returns the function that stops that. Without anybody to decide they are refused.
   */
  onTransferRequest(decide: (request: TransferRequest) => void): () => void {
    return this.#deciders.add(decide);
  }

  /** Sends a message outside of calls. Resolves with the final response. */
  message(target: string, body: string, options: MessageOptions = {}): Promise<{ status: number; reason: string }> {
    const { contentType = "text/plain" } = options;
    return this.#request<"message">(
      { type: "message", target: completeTarget(target, this.aor), contentType, body },
      options,
    );
  }

  /**
   * Subscribes to an event package, e.g. `presence` or `message-summary` (RFC 6665). The request is on its way; see
   * `Subscription.established` for the first notification. Refreshed, and made again after a loss, by itself.
   */
  async subscribe(target: string, event: string, options: SubscribeOptions = {}): Promise<Subscription> {
    return this.#subscriptions.subscribe(completeTarget(target, this.aor), event, options);
  }

  /**
   * Publishes a state of ours, e.g. our presence (RFC 3903). Resolves when the server has it; refreshed by itself until it
   * is removed.
   */
  async publish(event: string, contentType: string, body: string, options: PublishOptions = {}): Promise<Publication> {
    const { target, ...rest } = options;
    const completed = target === undefined ? {} : { target: completeTarget(target, this.aor) };
    return this.#subscriptions.publish(event, contentType, body, { ...rest, ...completed });
  }

  /** Asks somebody what they can do. Resolves with the final response. */
  options(target: string, options: WaitOptions = {}): Promise<{ status: number; reason: string }> {
    return this.#request<"options">({ type: "options", target: completeTarget(target, this.aor) }, options);
  }

  /** Ends the calls, unregisters and disconnects, at the latest after `deadline` milliseconds (default 2000). Never rejects. */
  shutdown(deadline = SHUTDOWN_DEADLINE): Promise<void> {
    this.#stopping ??= this.#shutdown(deadline);
    return this.#stopping;
  }

  async #shutdown(deadline: number): Promise<void> {
    const stopped = new OffhookError({ kind: "cancelled" }, { message: "the user agent was shut down" });
    try {
      // The agent keeps the deadline itself; the margin is for an agent that has died.
      await within(this.#client.request<"shutdown">({ type: "shutdown", deadline }), deadline + 500, () => stopped);
    } catch {
      // Down is down.
    }
    this.#stop(stopped);
  }

  #onEvent(event: AgentEvent): void {
    switch (event.type) {
      case "transport":
        this.#state = event.state;
        this.emit("transport", event);
        break;
      case "registration":
        this.#registration = event.state;
        this.emit("registration", { ...event, error: event.error && new OffhookError(event.error) });
        break;
      case "incoming": {
        const { type: _, call: id, from: remote, sdp: offer, replaces, joins, at, ...rest } = event;
        const call = this.#calls.add({
          ...rest,
          id,
          direction: "incoming",
          remote,
          replaces: this.#calls.get(replaces),
          joins: this.#calls.get(joins),
          offer,
          media: null,
          asked: false,
          signal: undefined,
        });
        this.#queue.push(call);
        this.emit("incoming", { type: "incoming", call, at });
        break;
      }
      case "transferAccepted":
      case "transferProgress":
      case "transferDone":
        this.#transfers.deliver(event);
        break;
      case "transferRequest": {
        const request = this.#transfers.receive(event, this.#calls.get(event.call));
        if (this.#calls.decides(event.call, request)) break;
        if (this.#deciders.any) this.#deciders.tell(request);
        else ignore(request.reject());
        break;
      }
      case "transferExpired":
        this.#transfers.expire(event.transfer, event.at);
        break;
      case "message":
        this.emit("message", event);
        break;
      case "credentialsNeeded":
        ignore(this.#ask(event));
        break;
      case "listening":
        break;
      case "saved":
        this.#kept?.put(event.call, event.saved);
        break;
      case "subscription":
      case "notice":
      case "forked":
      case "refreshed":
      case "subscriptionEnded":
        this.#subscriptions.deliver(event);
        break;
      case "incomingSubscription": {
        const subscription = this.#subscriptions.receive(event);
        this.emit("incomingSubscription", { type: "incomingSubscription", subscription, at: event.at });
        break;
      }
      case "publication":
        this.#subscriptions.deliverPublication(event);
        break;
      case "unsolicited":
        this.emit("unsolicited", event);
        break;
      case "malformed":
        this.emit("malformed", event);
        break;
      case "trace":
        this.emit("trace", event);
        break;
      case "stopped":
        this.#stop(new OffhookError({ kind: "cancelled" }, { message: "the user agent has stopped" }));
        break;
      default:
        if (event.type === "ended") this.#kept?.remove(event.call);
        this.#calls.deliver(event);
    }
  }

  /** Whatever goes wrong on the way to credentials, the agent hears that there are none. */
  async #ask({ type: _, query, at: __, ...request }: Extract<AgentEvent, { type: "credentialsNeeded" }>): Promise<void> {
    try {
      const credentials = (await this.#credentials?.(request)) ?? {};
      await this.#client.request<"credentials">({ type: "credentials", query, ...credentials });
    } catch (thrown) {
      (globalThis as { reportError?: (error: unknown) => void }).reportError?.(thrown);
      await this.#client.request<"credentials">({ type: "credentials", query });
    }
  }

  #request<T extends "register" | "checkConnection" | "unregister" | "message" | "options" | "bindings" | "clearBindings" | "inspectRegistration" | "inspectDialogs" | "inspectTransactions">(
    request: Parameters<typeof AgentClient.prototype.request<T>>[0],
    { signal }: WaitOptions,
  ): ReturnType<typeof AgentClient.prototype.request<T>> {
    return abortable(this.#client.request<T>(request), signal);
  }

  /** Whatever the agent did not end itself ends here. */
  #stop(error: OffhookError, by: "local" | "network" = "local"): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#unwatch();
    this.#registration = "unregistered";
    this.#client.close(error);
    // Those of an agent that was lost may go on in the next.
    if (by === "local") this.#kept?.clear();
    const at = Date.now();
    this.#calls.stop(error, by, at);
    this.#transfers.stop(error, at);
    this.#queue.clear();
    this.#queue.close();
    this.#subscriptions.stop(error, at);
    this.emit("stopped", { type: "stopped", error: by === "network" ? error : null, at });
  }
}
