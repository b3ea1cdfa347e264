import { AgentClient, type AgentEvent, type Request } from "./agent-client.js";
import type { AgentPort, PortFactory } from "./agent-port.js";
import { abortable, aborted, ignore, throwIfAborted, within } from "./async.js";
import { Call, type CallInit, type CallNotification, type WaitOptions } from "./call.js";
import { OffhookError, toOffhookError } from "./errors.js";
import { TypedEventTarget } from "./events.js";
import type { Host, WorkerSource } from "./host/worker-port.js";
import type { KeptCalls } from "./kept-calls.js";
import type { MediaHandler, MediaHandlerFactory, MediaSource } from "./media/handler.js";
import { PeerConnectionMedia, type PeerConnectionOptions } from "./media/peer-connection.js";
import type {
  Address,
  AgentConfig,
  Binding,
  CallId,
  Diversion,
  ErrorValue,
  Feature,
  Header,
  MessageSummary,
  PastTarget,
  PrivacyValue,
  Push,
  RegistrationSnapshot,
  RemoteIdentity,
  Replacement,
  SavedCall,
  TransferId,
} from "./protocol.js";
import type { IncomingSubscription } from "./incoming-subscription.js";
import type { Publication } from "./publication.js";
import { Queue } from "./queue.js";
import type { Subscription } from "./subscription.js";
import { Subscriptions, type PublishOptions, type SubscribeOptions } from "./subscriptions.js";
import { type Servers, serverSettings } from "./servers.js";
import { completeTarget } from "./target.js";
import {
  Deciders,
  Transfer,
  transferFields,
  type TransferNotification,
  type TransferOptions,
  TransferRequest,
} from "./transfer.js";
import { watchNetwork } from "./triggers.js";

/** Who wants credentials, and why. */
export type CredentialRequest = Omit<Extract<AgentEvent, { type: "credentialsNeeded" }>, "type" | "query" | "at">;

/** Credentials for a realm: a token, or a user name (by default that of the address) with a password or its stored hash. */
export type Credentials =
  | { token: string }
  | { username?: string; password: string }
  | { username?: string; ha1: { algorithm: string; realm: string; hex: string } };

/** How to connect. */
export interface ConnectOptions extends Omit<AgentConfig, "askCredentials" | "server" | "weights"> {
  /** `ws://` or `wss://` URL; or several, in the order in which they are tried; those with a weight share the load. */
  server: Servers;
  /**
   * Whether the page's `online`, `visibilitychange`, `pageshow` and network-change events make the agent look at its
   * connection at once (default true). See `checkConnection`.
   */
  watchNetwork?: boolean;
  /**
   * Whether candidates of either side may follow their descriptions (RFC 8840), where the other side can do that too. By
   * default where the media handler is the one of this package; one of your own needs `candidates` and `addCandidates`.
   */
  trickle?: boolean;
  /**
   * Asked when a server wants credentials that are missing or were refused, e.g. a token that ran out. Requests wait for
   * the promise, all that want the same for one, at most `credentialsTimeout`; null, or a rejection: there are none.
   */
  credentials?: (request: CredentialRequest) => Promise<Credentials | null> | Credentials | null;
  /** Gives up connecting. */
  signal?: AbortSignal;
  /** Options for the media of calls, or a function that makes a media handler of your own for each call. */
  media?: PeerConnectionOptions | MediaHandlerFactory;
  /**
   * Where the agent lives, with its connection and its timers: in this page (the default), in a worker of its own, whose
   * timers run on while the tab is hidden, or in one that all tabs share: one registration, and a call rings in each and is
   * answered in one. The media are in the page in any case.
   */
  host?: Host;
  /**
   * Keep the established calls of this tab over a reload of its page, in `sessionStorage`: `UserAgent.connect` goes on with
   * them then (`restored`). With a shared worker a call whose page has gone waits 10 s for it before it is hung up.
   */
  keepCalls?: boolean;
  /** The worker, where it is not the file of this package (`offhook/worker`) as the bundler finds it. */
  worker?: WorkerSource;
  /** Where the agent lives otherwise, in place of `host`. */
  port?: PortFactory;
}

/** How to call. */
export interface CallOptions {
  /** Where our sound comes from; the microphone if absent. */
  audio?: MediaSource;
  /** Where our picture comes from, e.g. `true` for the camera; there is none if absent. */
  video?: MediaSource;
  /** More header fields for the INVITE. */
  headers?: Header[];
  /** Take the place of one side of another call (RFC 3891); `(await call.inspect()).replacement` there says what goes here. */
  replaces?: Replacement;
  /** Be mixed with another call of the callee (RFC 3911), which is named as with `replaces`. */
  joins?: Replacement;
  /** What our Contact says of us (RFC 3840); see `Call.setFeatures`. */
  features?: Feature[];
  /** How many redirections (3xx) the call follows by itself, in place of the agent's `followRedirects`. */
  followRedirects?: number;
  /**
   * Which of our identities the network is to assert (P-Preferred-Identity, RFC 3325), e.g. `"Sales" <sip:sales@example.com>`
   * or `tel:+4930123456`. It goes only to a server that is trusted.
   */
  preferredIdentity?: string;
  /** What the network is asked to keep private (RFC 3323), e.g. `["id"]`: the identity that it asserts. */
  privacy?: PrivacyValue[];
  /** Nobody is to know who calls: we call as `anonymous@anonymous.invalid` (RFC 3323 4.1.1.3), and `privacy` is `id` as well. */
  anonymous?: boolean;
  /** How long the other side may take to answer, in milliseconds, in place of the agent's `answerTimeout`. */
  answerTimeout?: number;
  /** Hangs up as long as the call is not established. */
  signal?: AbortSignal;
}

/** How to register. */
export interface RegisterOptions extends WaitOptions {
  /** How the server can wake us from now on (RFC 8599). */
  push?: Push;
}

/** How to send a message. */
export interface MessageOptions extends WaitOptions {
  /** MIME type of the body (default `text/plain`). */
  contentType?: string;
}

/** The state of the connection to the server. */
export type UserAgentState = "connecting" | "connected" | "disconnected" | "stopped";

/** The state of the registration. */
export type RegistrationState = "registering" | "registered" | "unregistered" | "failed";

/** What a user agent tells, by event name. Each event carries its name as `type`. */
export interface UserAgentEvents {
  /** Somebody calls. Without a listener, the call waits for `for await (… of ua.incoming)`. */
  incoming: { type: "incoming"; call: Call; at: number };
  /** There is another call in `calls`, whoever made it, before anything else is told of it. */
  call: { type: "call"; call: Call };
  /** The connection came up or was lost; it is looked after without your help. */
  transport: {
    type: "transport";
    state: "connecting" | "connected" | "disconnected";
    message: string | null;
    at: number;
  };
  /** The registration changed; `expires` is in seconds. */
  registration: {
    type: "registration";
    state: RegistrationState;
    expires: number | null;
    error: OffhookError | null;
    at: number;
  };
  /** A message outside of calls. */
  message: { type: "message"; from: Address; contentType: string; body: string; at: number };
  /** Somebody subscribes to one of our `packages`. */
  incomingSubscription: { type: "incomingSubscription"; subscription: IncomingSubscription; at: number };
  /** A server tells something that nobody subscribed to, e.g. that messages wait. */
  unsolicited: {
    type: "unsolicited";
    from: Address;
    package: string;
    contentType: string;
    body: string;
    summary: MessageSummary | null;
    at: number;
  };
  /** A SIP message went in or out (only with `trace: true`); passwords are masked. */
  trace: { type: "trace"; direction: "in" | "out"; transport: string; remote: string; text: string; at: number };
  /** Something came that is no SIP; it was dropped. */
  malformed: { type: "malformed"; remote: string; message: string; at: number };
  /** Down. Nothing follows. `error`: it was not shut down but lost, e.g. with its worker; `UserAgent.connect` makes another. */
  stopped: { type: "stopped"; error: OffhookError | null; at: number };
}

/** A call, and what feeds it. */
interface CallEntry {
  call: Call;
  deliver: (notification: CallNotification) => void;
  decide: (request: TransferRequest) => boolean;
  restore: () => void;
}

const CONNECT_TIMEOUT = 8000;
const SHUTDOWN_DEADLINE = 2000;
const TRICKLE = "trickle-ice";

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
  readonly #calls = new Map<CallId, CallEntry>();
  readonly #deciders = new Deciders();
  readonly #transfers = new Map<TransferId, (notification: TransferNotification) => void>();
  readonly #earlyTransfers = new Map<TransferId, TransferNotification[]>();
  readonly #requests = new Map<TransferId, (at: number) => void>();
  readonly #local: Address;
  /** What was told of calls whose number we are about to learn. */
  #early: CallNotification[] = [];
  #placing = 0;
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
    this.#local = { displayName: config.displayName ?? null, uri: config.aor };
    this.#openMedia = openMedia;
    this.#credentials = credentials;
    this.#client = new AgentClient(
      port,
      (event) => this.#onEvent(event),
      (error) => this.#stop(error, "network"),
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
          for (const { restore } of this.#calls.values()) restore();
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
    return Array.from(this.#calls.values(), ({ call }) => call);
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
        sdp,
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
    { audio, video, signal }: Pick<CallOptions, "audio" | "video" | "signal">,
    request: (sdp: string) => Promise<{ call: CallId; callId: string }>,
  ): Promise<Call> {
    throwIfAborted(signal);
    const media = this.#openMedia({ direction: "outgoing", audio, video });
    try {
      const sdp = await abortable(media.createOffer({ hold: false, iceRestart: false }), signal);
      const call = await this.#enter(uri, media, signal, () => request(sdp));
      if (signal?.aborted) throw aborted(signal);
      return call;
    } catch (thrown) {
      media.close();
      throw toOffhookError(thrown);
    }
  }

  async #enter(
    uri: string,
    media: MediaHandler,
    signal: AbortSignal | undefined,
    request: () => Promise<{ call: CallId; callId: string }>,
  ): Promise<Call> {
    this.#placing++;
    try {
      const { call: id, callId } = await request();
      const remote = { displayName: null, uri };
      const call = this.#addCall({
        id,
        callId,
        direction: "outgoing",
        remote,
        identity: claimed(remote),
        headers: [],
        trusted: false,
        diversions: [],
        targets: [],
        replaces: null,
        joins: null,
        referredBy: null,
        offer: null,
        trickle: false,
        media,
        signal,
      });
      for (const notification of this.#early.filter((early) => early.call === id)) this.#deliver(notification);
      return call;
    } finally {
      this.#placing--;
      if (this.#placing === 0) this.#early = [];
    }
  }

  /**
   * Goes on with a call that another user agent has saved (`call.save()`) and has no more. It is established at once;
   * `call.pickUp()` opens its media. Rejects if it cannot go on. With `keepCalls` a reload of the page needs none of this.
   */
  async restoreCall(saved: SavedCall): Promise<Call> {
    this.#placing++;
    try {
      const { call: id, callId } = await this.#client.request<"restoreCall">({ type: "restoreCall", saved });
      const snapshot = await this.#client.request<"inspect">({ type: "inspect", call: id });
      const call = this.#addCall({
        id,
        callId,
        direction: snapshot.direction,
        remote: snapshot.remote,
        identity: snapshot.identity,
        headers: [],
        trusted: false,
        diversions: [],
        targets: [],
        replaces: null,
        joins: null,
        referredBy: null,
        offer: null,
        trickle: false,
        media: null,
        signal: undefined,
        restored: { snapshot, streams: saved.streams },
      });
      // What the snapshot does not say.
      const news = this.#early.filter((early) => early.call === id && early.type !== "state" && early.type !== "hold");
      for (const notification of news) this.#deliver(notification);
      return call;
    } finally {
      this.#placing--;
      if (this.#placing === 0) this.#early = [];
    }
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
    return this.#placeTransfer({ type: "refer", target: uri, referTo, ...transferFields(options) });
  }

  /**
   * Decides about transfers that others ask for, within calls that have nobody to decide of their own and outside of any;
   * returns the function that stops that. Without anybody to decide they are refused.
   */
  onTransferRequest(decide: (request: TransferRequest) => void): () => void {
    return this.#deciders.add(decide);
  }

  async #placeTransfer(request: Request<"transfer" | "transferTo" | "refer" | "handOver">): Promise<Transfer> {
    const { transfer: id } = await this.#client.request<"transfer" | "transferTo" | "refer" | "handOver">(request);
    const transfer = new Transfer((deliver) => this.#transfers.set(id, deliver));
    const early = this.#earlyTransfers.get(id) ?? [];
    this.#earlyTransfers.delete(id);
    for (const notification of early) this.#deliverTransfer(notification);
    return transfer;
  }

  #deliverTransfer(notification: TransferNotification): void {
    const id = notification.transfer;
    const deliver = this.#transfers.get(id);
    if (notification.type === "transferDone") this.#transfers.delete(id);
    if (deliver) return deliver(notification);
    // Told before its number was: it comes with that.
    const early = this.#earlyTransfers.get(id);
    if (early) early.push(notification);
    else this.#earlyTransfers.set(id, [notification]);
  }

  #onTransferRequest(event: Extract<AgentEvent, { type: "transferRequest" }>): void {
    const { transfer: id, call: number, from, target, referredBy, replaces, headers } = event;
    const entry = number === null ? undefined : this.#calls.get(number);
    const request = new TransferRequest({
      call: entry?.call ?? null,
      from,
      target,
      referredBy,
      replaces,
      headers,
      follow: (uri, options) => this.#place(uri, options, (sdp) => this.#acceptTransfer(id, sdp, options.headers)),
      refuse: async (status, reason) => {
        await this.#client.request<"rejectTransfer">({
          type: "rejectTransfer",
          transfer: id,
          ...(status === undefined ? {} : { status }),
          ...(reason === undefined ? {} : { reason }),
        });
        this.#requests.delete(id);
      },
      attach: (expire) => this.#requests.set(id, expire),
    });
    if (entry?.decide(request)) return;
    if (this.#deciders.any) this.#deciders.tell(request);
    else ignore(request.reject());
  }

  async #acceptTransfer(
    transfer: TransferId,
    sdp: string,
    headers: Header[] | undefined,
  ): Promise<{ call: CallId; callId: string }> {
    const more = headers ? { headers } : {};
    const made = await this.#client.request<"acceptTransfer">({ type: "acceptTransfer", transfer, sdp, ...more });
    this.#requests.delete(transfer);
    return made;
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
        const { call: id, callId, from, identity, trusted, diversions, targets, sdp, replaces, joins, referredBy, trickle, headers, at } =
          event;
        const call = this.#addCall({
          id,
          callId,
          direction: "incoming",
          remote: from,
          identity,
          headers,
          trusted,
          diversions,
          targets,
          replaces: (replaces !== null && this.#calls.get(replaces)?.call) || null,
          joins: (joins !== null && this.#calls.get(joins)?.call) || null,
          referredBy,
          offer: sdp,
          trickle,
          media: null,
          signal: undefined,
        });
        this.#queue.push(call);
        this.emit("incoming", { type: "incoming", call, at });
        break;
      }
      case "transferAccepted":
      case "transferProgress":
      case "transferDone":
        this.#deliverTransfer(event);
        break;
      case "transferRequest":
        this.#onTransferRequest(event);
        break;
      case "transferExpired": {
        const expire = this.#requests.get(event.transfer);
        this.#requests.delete(event.transfer);
        expire?.(event.at);
        break;
      }
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
        this.#deliver(event);
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

  #deliver(notification: CallNotification): void {
    if (notification.type === "ended") this.#kept?.remove(notification.call);
    const entry = this.#calls.get(notification.call);
    if (entry) entry.deliver(notification);
    else if (this.#placing > 0) this.#early.push(notification);
  }

  #addCall(init: {
    id: CallId;
    callId: string;
    direction: "outgoing" | "incoming";
    remote: Address;
    identity: RemoteIdentity;
    headers: Header[];
    trusted: boolean;
    diversions: Diversion[];
    targets: PastTarget[];
    replaces: Call | null;
    joins: Call | null;
    referredBy: Address | null;
    offer: string | null;
    trickle: boolean;
    media: MediaHandler | null;
    signal: AbortSignal | undefined;
    restored?: CallInit["restored"];
  }): Call {
    let feed: Omit<CallEntry, "call"> = {
      deliver: () => undefined,
      decide: () => false,
      restore: () => undefined,
    };
    const call = new Call({
      ...init,
      local: this.#local,
      client: this.#client,
      openMedia: this.#openMedia,
      placeTransfer: (request) => this.#placeTransfer(request),
      attach: (deliver, decide, restore) => {
        feed = { deliver, decide, restore };
      },
    });
    this.#calls.set(init.id, { call, ...feed });
    ignore(call.ended.then(() => this.#calls.delete(init.id)));
    this.emit("call", { type: "call", call });
    return call;
  }

  #request<T extends "register" | "checkConnection" | "unregister" | "message" | "options" | "bindings" | "clearBindings" | "inspectRegistration">(
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
    for (const [id, { deliver }] of this.#calls) {
      const lost = by === "network" ? (error.detail as ErrorValue) : null;
      const end = { by, status: null, reason: error.message, cause: null, error: lost };
      deliver({ type: "ended", call: id, end, at });
    }
    for (const [id, deliver] of this.#transfers) {
      const failure = { kind: "cancelled" } as const;
      deliver({ type: "transferDone", transfer: id, status: null, reason: error.message, error: failure, at });
    }
    this.#transfers.clear();
    this.#queue.clear();
    this.#queue.close();
    this.#subscriptions.stop(error, at);
    this.emit("stopped", { type: "stopped", error: by === "network" ? error : null, at });
  }
}

/** Of whom nothing is known but the address. */
function claimed(address: Address): RemoteIdentity {
  const nothing = { asserted: null, number: null, source: "claimed", screened: false, anonymous: false } as const;
  return { shown: address, claimed: address, ...nothing, privacy: [] };
}

/** Loaded only when it is used: who brings a port of their own needs no WebAssembly. */
async function openHost(config: AgentConfig, host: Host, worker: WorkerSource | undefined): Promise<AgentPort> {
  if (host === "page") {
    const { openWasmPort } = await import("./wasm-port.js");
    return openWasmPort(config);
  }
  const { workerPort } = await import("./host/worker-port.js");
  return workerPort(host, worker)(config);
}

/** Loaded only when it is used. */
async function openKept(aor: string): Promise<KeptCalls> {
  const { KeptCalls } = await import("./kept-calls.js");
  return KeptCalls.open(aor);
}

/** The package of INFO that candidates go by. */
function trickling({ trickle, media, infoPackages = [] }: ConnectOptions): Pick<AgentConfig, "infoPackages"> {
  const wanted = trickle ?? typeof media !== "function";
  return wanted && !infoPackages.includes(TRICKLE) ? { infoPackages: [...infoPackages, TRICKLE] } : {};
}

function mediaFactory(media: PeerConnectionOptions | MediaHandlerFactory | undefined): MediaHandlerFactory {
  if (typeof media === "function") return media;
  return (request) => new PeerConnectionMedia(request, media);
}
