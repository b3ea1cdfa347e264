/**
 * The plain messages between the public classes and the wasm agent.
 *
 * Everything the classes want is one `Command`; everything the agent has to say is one `Notification`. Both are
 * plain data (structured-cloneable), so the agent can live in the page, in a Worker or behind any other port.
 * The Rust side of this file is `sip-core/src/control/`; a test holds the two together.
 */

/** Names one call for the life of its agent. */
export type CallId = number;

/** Names one transfer, ours or theirs, for the life of its agent. */
export type TransferId = number;

/** Names one subscription, of either side, for the life of its agent. */
export type SubscriptionNumber = number;

/** Names one publication for the life of its agent. */
export type PublicationNumber = number;

/** A display name and a URI. */
export interface Address {
  displayName: string | null;
  /** The URI as text, e.g. `sip:bob@example.com`. */
  uri: string;
}

/**
 * Who the other side of a call is. What it says itself anybody can write; what the network asserts (RFC 3325) is there only
 * where somebody asserts it that is trusted (see `trustIdentity`).
 */
export interface RemoteIdentity {
  /** Whom to show: who is asserted, unless that is to be kept private; else who it says it is. */
  shown: Address;
  /** Who it says it is (From); of a call of ours, who was called. */
  claimed: Address;
  /** Who it is as the network asserts. Not to be told to others where it is `anonymous`. */
  asserted: Address | null;
  /** Its telephone number (a `tel:` URI), likewise. */
  number: Address | null;
  /** What asserts it: P-Asserted-Identity, Remote-Party-ID, or nothing but the other side itself. */
  source: "claimed" | "pAssertedIdentity" | "remotePartyId";
  /** The network found it to be true. */
  screened: boolean;
  /** It asks not to be shown: say that it is unknown. */
  anonymous: boolean;
  /** What it asks to be kept private. */
  privacy: PrivacyValue[];
}

/** What is to be kept private (RFC 3323, RFC 3325, RFC 7044). */
export type PrivacyValue = "none" | "user" | "header" | "session" | "id" | "history" | "critical";

/** Who diverted a call to here, and why (Diversion, RFC 5806). */
export interface Diversion {
  diverter: Address;
  /** `unconditional`, `user-busy`, `no-answer` … */
  reason: string | null;
  /** How often. */
  counter: number;
  /** Who it was is not to be shown. */
  private: boolean;
}

/** Where a call was meant to go on its way (History-Info, RFC 7044). */
export interface PastTarget {
  target: Address;
  /** The place in the tree of targets, e.g. `1.2.1`. */
  index: string;
  /** How it was found, and the index of the entry it was found from. */
  found: { how: "registeredContact" | "mappedToOther" | "noChange"; from: string } | null;
  /** Why the call did not stay there; for SIP, a status. */
  cause: number | null;
  /** It is not to be shown. */
  private: boolean;
}

/** An ICE candidate and the media it is for. */
export interface TrickledCandidate {
  /** The `a=mid` of its media description. */
  mid: string;
  /** The value of an `a=candidate` line. */
  candidate: string;
}

/** One header field the application adds or reads. */
export type Header = [name: string, value: string];

/** A call of somebody else's that a new one takes the place of (RFC 3891), as that one names it. */
export interface Replacement {
  /** The Call-ID. */
  callId: string;
  /** The tag of the side that is called now. */
  toTag: string;
  /** The tag of the other side, whose place is taken. */
  fromTag: string;
  /** Only while it is not answered (call pickup). */
  earlyOnly?: boolean;
}

/**
 * An established call as data, with which another agent can go on, e.g. after a reload of the page. It has no secrets, but
 * who knows it can end the call. Leave it as it is: it belongs to the version that wrote it.
 */
export interface SavedCall {
  version: number;
  incoming: boolean;
  callId: string;
  local: string;
  remote: string;
  target: string;
  routeSet: string[];
  localCseq: number;
  remoteCseq: number | null;
  holding: boolean;
  held: boolean;
  takesUpdate: boolean | null;
  takesInfo: string;
  /** When it was established, in milliseconds since the Unix epoch. */
  since: number;
  session: SavedSession | null;
  origin: string | null;
  /** What our requests say in Privacy (RFC 3323). */
  privacy: string | null;
  /** Its media lines: `audio`, `video` …, in order. */
  streams: string[];
}

/** A session that expires (RFC 4028). */
export interface SavedSession {
  interval: number;
  minSe: number;
  local: boolean;
  deadline: number;
}

/** How a server can wake a user agent (RFC 8599): the push service, what that knows it by, and what else it needs. */
export interface Push {
  /** `apns`, `fcm`, `webpush` … */
  provider: string;
  prid: string;
  param?: string;
}

/** A feature in a Contact (RFC 3840): its name, and its value where it has one. */
export type Feature = [name: string, value: string | null];

/** One binding of an address of record. */
export interface Binding {
  uri: string;
  /** Seconds left. */
  expires: number | null;
  q: number | null;
  /** `urn:uuid:…` */
  instance: string | null;
  /** Which flow of the instance (RFC 5626). */
  regId: number | null;
  /** It is this user agent's. */
  ours: boolean;
}

/** A registration as it is now. */
export interface RegistrationSnapshot {
  /** `urn:uuid:…` */
  instance: string;
  /** One for each way to a server. */
  flows: { regId: number; connected: boolean; registered: boolean; outbound: boolean }[];
  /** The address that leads to this user agent alone (RFC 5627), and the same without saying whose it is. */
  gruu: string | null;
  temporaryGruu: string | null;
  /** The way requests take beyond the server (RFC 3608). */
  serviceRoute: string[];
  /** Everything that was bound to the AOR when the registrar answered last. */
  bindings: Binding[];
  /** Our other addresses (P-Associated-URI). */
  associated: string[];
  /** What the server does about pushes; null if none were asked for. */
  push: { accepted: boolean; providers: string[]; margin: number | null; vapid: string | null } | null;
}

/** What an agent is started with. */
export interface AgentConfig {
  /** Address of record, e.g. `sip:alice@example.com`. */
  aor: string;
  /** `ws://` or `wss://` URL in a browser; natively also `sip:host:port;transport=udp`. */
  server: string;
  /** Further servers, in the order in which they are tried when those before cannot be reached. */
  servers?: string[];
  /**
   * The weights of `server` and `servers`, in their order: those with a weight above 0 that follow one another share the
   * load, which of them is tried first is drawn by weight (RFC 2782).
   */
  weights?: number[];
  /** How many servers to be connected and registered with at a time, where there are so many (RFC 5626; default 1). */
  flows?: number;
  /** Register by RFC 5626, so that requests come back over our connections (default true). */
  outbound?: boolean;
  /** A UUID that tells this user agent from others of the same AOR, the same after every start (RFC 5626 4.1; default: another each time). */
  instance?: string;
  /** Which address others are told, where the registrar gives one that leads here alone (RFC 5627; default `never`: that of the connection). */
  gruu?: "never" | "public" | "temporary";
  /** The priority of this user agent among those of the same AOR, from 0 to 1. */
  q?: number;
  /** How the server can wake this user agent (RFC 8599). */
  push?: Push;
  displayName?: string;
  /** Digest user name; the user part of the AOR if absent. */
  username?: string;
  password?: string;
  /** Instead of a password: H(username:realm:password) in hex, by algorithm name. */
  ha1?: { algorithm: string; realm: string; hex: string };
  /** An access token (RFC 8898). It goes over TLS, wss and to this machine only. */
  token?: string;
  /** Send a `credentialsNeeded` notification when a server wants credentials that are missing or were refused. */
  askCredentials?: boolean;
  /** How long a request waits for credentials that were asked for, in milliseconds (default 60000). */
  credentialsTimeout?: number;
  /** The weakest digest algorithm that is answered: `MD5` (the default), `SHA-256` or `SHA-512-256`. */
  weakestDigest?: string;
  /** Send tokens also where others can read them. */
  allowUnprotectedTokens?: boolean;
  /** Asked registration lifetime in seconds (default 300). */
  expires?: number;
  /** User-Agent / Server header. */
  userAgent?: string;
  /** RFC 3261 timers in milliseconds. */
  timers?: { t1?: number; t2?: number; t4?: number };
  /** How long a connection may take to come up, in milliseconds (default 8000). */
  connectTimeout?: number;
  /**
   * How often keep-alives go over a connection, at most, in milliseconds (default 30000; 0: none). The server can ask for
   * more. They tell a dead connection from a silent one (RFC 5626 4.4.1).
   */
  keepAlive?: number;
  /** How long the answer to a keep-alive may take before another connection is opened, in milliseconds (default 10000). */
  pongTimeout?: number;
  /**
   * Whether provisional responses are acknowledged (RFC 3262), so that none gets lost: never, where the other side
   * supports it (the default), or always, which refuses calls with those who do not.
   */
  reliable?: "never" | "supported" | "required";
  /**
   * How many redirections (3xx) a call follows by itself (RFC 3261 8.1.3.4). Default 0: the error of the call says where
   * else the callee is (`contacts`), and whether to call there is up to you.
   */
  followRedirects?: number;
  /**
   * Session timers (RFC 4028): a call that nobody refreshes any more ends by itself. With nobody, with those who support
   * them (the default), or with everybody: then this side refreshes where the other does not know of it.
   * `expires` (default 1800) and `minSe` (default 90, the least there is) are in seconds.
   */
  sessionTimers?: { mode?: "never" | "supported" | "always"; expires?: number; minSe?: number };
  /**
   * How long an incoming call may wait for its answer, in milliseconds (default 300000; 0: as long as the caller likes);
   * then it is refused with 480, or with 487 where its INVITE expires sooner (RFC 3261 13.3.1).
   */
  ringTimeout?: number;
  /**
   * How long the other side may take to answer a call, in milliseconds; then it is cancelled (RFC 3261 13.2.1). By default,
   * and with 0, as long as it rings there.
   */
  answerTimeout?: number;
  /**
   * How long a call waits without a further provisional response, which is owed each minute, in milliseconds (default
   * 300000; 0: for ever); then it is cancelled.
   */
  progressTimeout?: number;
  /**
   * How long an offer within a call may take, in milliseconds (default 60000; 0: for ever): one of ours that is not answered
   * then fails, one of theirs is refused, and the call goes on as it was.
   */
  offerTimeout?: number;
  /**
   * Who may replace a call of ours by another (RFC 3891), e.g. when we are the target of a transfer: whoever knows the
   * call, and the application decides by answering (`asked`, the default); only whom the other side sent, by what it
   * says of itself (`referred`); or nobody (`never`).
   */
  replacing?: "asked" | "referred" | "never";
  /**
   * Whose assertions of who calls are believed (P-Asserted-Identity and Remote-Party-ID, RFC 3325): those of the servers
   * (`server`, the default), nobody's (`never`: for a server that passes on what callers assert of themselves), or
   * everybody's (`always`).
   */
  trustIdentity?: "never" | "server" | "always";
  /**
   * Who may join a call of ours by another (RFC 3911), which the application then mixes with it; as `replacing`, but by
   * default nobody (`never`).
   */
  joining?: "asked" | "referred" | "never";
  /** The event packages others may subscribe to, e.g. `["presence"]`, with your consent each time (default none). */
  packages?: string[];
  /**
   * The event packages a server may tell of though nobody subscribed, as many do of waiting messages
   * (default `["message-summary"]`).
   */
  unsolicited?: string[];
  /** The packages of INFO that are taken (RFC 6086); INFO of others is refused with 469 (default none). */
  infoPackages?: string[];
  /** Send a `saved` notification when an established call has changed, to be kept. */
  keepCalls?: boolean;
  /** Send a `trace` notification for each message (secrets masked). */
  trace?: boolean;
  /** Hold by the core's own rewriting of the last SDP, re-offers answered by the core. Default false: the application negotiates. */
  automaticMedia?: boolean;
}

/** A command's number is chosen by the sender; exactly one `result` or `error` with that number answers it. */
export type Command = { id: number } & (
  /** Opens the first flow. Result: null once it is up. */
  | { type: "connect" }
  /**
   * Sees at once whether the connection is of use: pings one that seems to be up, tries one that is lost. Result: null once
   * one is up.
   */
  | { type: "checkConnection" }
  /** Result: `{ expires }` (seconds granted) once the registrar said 2xx. Refreshes run by themselves. After a push: at once anew. */
  | { type: "register"; push?: Push }
  | { type: "unregister" }
  /** Result: `{ bindings }`, everything that is bound to the AOR, asked of the registrar (RFC 3261 10.2.3). */
  | { type: "bindings" }
  /** Takes all of it away, whosever it is; then what is wanted here is registered anew. */
  | { type: "clearBindings" }
  /** Result: `RegistrationSnapshot`. */
  | { type: "inspectRegistration" }
  /** Result: `{ dialogs }`, those of calls and of subscriptions, the oldest first. */
  | { type: "inspectDialogs" }
  /** Result: `{ transactions }`, the oldest first, also those that only wait for copies of what they have seen. */
  | { type: "inspectTransactions" }
  /** Result: `{ call, callId }` at once; the INVITE is on its way. */
  | { type: "call"; target: string; sdp?: string; headers?: Header[]; followRedirects?: number; answerTimeout?: number; replaces?: Replacement; joins?: Replacement; features?: Feature[]; preferredIdentity?: string; privacy?: PrivacyValue[]; anonymous?: boolean }
  /** 180 (or 183 with `sdp`) to an incoming call. */
  | { type: "ring"; call: CallId; sdp?: string }
  /** 200 to an incoming call. Result: null when the ACK is here. `sdp` is the answer, or the offer if the INVITE had none. */
  | { type: "answer"; call: CallId; sdp?: string; headers?: Header[] }
  | { type: "reject"; call: CallId; status?: number; reason?: string }
  | { type: "redirect"; call: CallId; contacts: string[] }
  /** CANCEL, BYE or a final response: whatever ends the call in its state. Idempotent. Result: null when it is over. */
  | { type: "hangup"; call: CallId; reason?: string }
  /** Re-INVITE. Without `sdp` the core rewrites the last description. Result: `{ sdp }`, the answer. */
  | { type: "hold"; call: CallId; sdp?: string }
  | { type: "resume"; call: CallId; sdp?: string }
  | { type: "renegotiate"; call: CallId; sdp: string }
  /**
   * UPDATE (RFC 3311), also before the call is answered. With `sdp` a new offer, which is answered at once; without, only
   * where to reach us. Result: `{ sdp }`, the answer, or null.
   */
  | { type: "update"; call: CallId; sdp?: string }
  /** The answer to an `offer` notification. Result: null when the ACK is here. */
  | { type: "acceptOffer"; call: CallId; sdp: string }
  | { type: "rejectOffer"; call: CallId; status?: number }
  /** INFO within the call. Result: null on 2xx. */
  | { type: "info"; call: CallId; contentType: string; body: string; package?: string }
  /**
   * All candidates of this side that were found by now in the ICE session of the last description, `end`: there are no more.
   * They are told by INFO (RFC 8840) where the other side takes that and `infoPackages` has `trickle-ice`. Result: null at once.
   */
  | { type: "trickle"; call: CallId; candidates: TrickledCandidate[]; end?: boolean }
  /** DTMF by INFO (application/dtmf-relay): 0-9 * # A-D, duration in ms. */
  | { type: "dtmf"; call: CallId; tone: string; duration?: number }
  /** Out of dialog. Results: `{ status, reason }`. */
  | { type: "options"; target: string }
  | { type: "message"; target: string; contentType: string; body: string }
  /** RFC 6665. Result: `{ subscription }` at once; the SUBSCRIBE is on its way. Refreshed and made again by itself. */
  | { type: "subscribe"; target: string; event: string; expires?: number; accept?: string; forks?: boolean; renew?: boolean; contentType?: string; body?: string; headers?: Header[] }
  /** Expires 0. Result: null when it is over. Idempotent. */
  | { type: "unsubscribe"; subscription: SubscriptionNumber }
  /** Asks for the whole state at once. Result: null when its notification is here. */
  | { type: "refreshSubscription"; subscription: SubscriptionNumber }
  /** The answer to `incomingSubscription`. Result: null when the subscriber has its first notification. */
  | { type: "acceptSubscription"; subscription: SubscriptionNumber; pending?: boolean; expires?: number; contentType?: string; body?: string }
  | { type: "rejectSubscription"; subscription: SubscriptionNumber; status?: number; reason?: string }
  /** The state for a subscriber. Result: null when it has it. */
  | { type: "notify"; subscription: SubscriptionNumber; contentType: string; body: string }
  /** The last notification, for a reason of RFC 6665 4.1.3 (default `noresource`). Idempotent. */
  | { type: "terminateSubscription"; subscription: SubscriptionNumber; reason?: string; retryAfter?: number; contentType?: string; body?: string }
  /** RFC 3903. Result: `{ publication, expires }` once the compositor said 2xx. Refreshed by itself. */
  | { type: "publish"; event: string; contentType: string; body: string; target?: string; expires?: number; headers?: Header[] }
  | { type: "updatePublication"; publication: PublicationNumber; contentType: string; body: string }
  /** Result: null when it is taken back. Idempotent. */
  | { type: "removePublication"; publication: PublicationNumber }
  /** Result: `CallSnapshot`. */
  | { type: "inspect"; call: CallId }
  /**
   * Asks the other side of a call to call `target` instead (REFER, RFC 5589 6); the call is hung up when that was
   * answered unless `hangUp` is false. `timeout` is for the silence of the other side, in ms (default 180000). Without
   * `follow` it is asked to tell nothing. Result: `{ transfer }`; `transferDone` ends it.
   */
  | { type: "transfer"; call: CallId; target: string; hangUp?: boolean; follow?: boolean; timeout?: number; headers?: Header[] }
  /** The same, to the other side of `other` in its place (RFC 5589 7.3). While that rings its answer is waited for. */
  | { type: "transferTo"; call: CallId; other: CallId; hangUp?: boolean; follow?: boolean; timeout?: number; toContact?: boolean; headers?: Header[] }
  /** Asks `target`, outside of any call, to call `referTo`. Result: `{ transfer }`. */
  | { type: "refer"; target: string; referTo: string; follow?: boolean; timeout?: number; headers?: Header[] }
  /** Asks `target` to take this side's place in a call (RFC 5359 2.15). Result: `{ transfer }`. */
  | { type: "handOver"; call: CallId; target: string; follow?: boolean; timeout?: number; toContact?: boolean; headers?: Header[] }
  /** What our Contact says of us in a call from now on (RFC 3840). */
  | { type: "setFeatures"; call: CallId; features: Feature[] }
  /** Follows a `transferRequest`: calls its target with this offer. Result: `{ call, callId }` of the new call. */
  | { type: "acceptTransfer"; transfer: TransferId; sdp?: string; headers?: Header[] }
  /** Does not follow it (default 603). */
  | { type: "rejectTransfer"; transfer: TransferId; status?: number; reason?: string }
  /** An established call as data. Result: `{ saved }`. */
  | { type: "saveCall"; call: CallId }
  /** Goes on with a call of another agent, which has it no more. Offer anew to have media. Result: `{ call, callId }`. */
  | { type: "restoreCall"; saved: SavedCall }
  /** Ends calls, unregisters, closes flows; at the latest after `deadline` ms (default 2000). */
  | { type: "shutdown"; deadline?: number }
  /** Answers `credentialsNeeded`: with a token, a hash, or a user name (default: that of the AOR) and password; with none of them there are none. */
  | {
      type: "credentials";
      query: number;
      username?: string;
      password?: string;
      ha1?: { algorithm: string; realm: string; hex: string };
      token?: string;
    }
);

/** What a successful command's result carries, by command type. */
export interface Results {
  connect: null;
  checkConnection: null;
  register: { expires: number };
  unregister: null;
  bindings: { bindings: Binding[] };
  clearBindings: null;
  inspectRegistration: RegistrationSnapshot;
  inspectDialogs: { dialogs: DialogSnapshot[] };
  inspectTransactions: { transactions: TransactionSnapshot[] };
  call: { call: CallId; callId: string };
  ring: null;
  answer: null;
  reject: null;
  redirect: null;
  hangup: null;
  hold: { sdp: string | null };
  resume: { sdp: string | null };
  renegotiate: { sdp: string | null };
  update: { sdp: string | null };
  acceptOffer: null;
  rejectOffer: null;
  info: null;
  trickle: null;
  dtmf: null;
  options: { status: number; reason: string };
  message: { status: number; reason: string };
  subscribe: { subscription: SubscriptionNumber };
  unsubscribe: null;
  refreshSubscription: null;
  acceptSubscription: null;
  rejectSubscription: null;
  notify: null;
  terminateSubscription: null;
  publish: { publication: PublicationNumber; expires: number };
  updatePublication: { publication: PublicationNumber; expires: number };
  removePublication: null;
  inspect: CallSnapshot;
  transfer: { transfer: TransferId };
  transferTo: { transfer: TransferId };
  refer: { transfer: TransferId };
  handOver: { transfer: TransferId };
  setFeatures: null;
  acceptTransfer: { call: CallId; callId: string };
  rejectTransfer: null;
  saveCall: { saved: SavedCall };
  restoreCall: { call: CallId; callId: string };
  shutdown: null;
  credentials: null;
}

/** A typed failure. The same kinds as the Rust `Error`. */
export type ErrorValue =
  /** The other side refused: SIP status, its reason phrase, the Reason header (RFC 3326) and Retry-After in seconds if there were; where to try instead (3xx, 485), the best first. */
  | { kind: "status"; status: number; reason: string; cause: ReasonValue | null; retryAfter: number | null; contacts: Address[] }
  /** Wrong credentials, or a challenge we cannot answer. */
  | { kind: "authentication"; status: number; message: string }
  /**
   * No answer in time: `timer` is the RFC's name ("B", "C", "F", "H" …), or what was waited for: "ring" (our answer to a
   * call), "answer" (theirs), "offer" (the answer within a call), "Expires", "PRACK", "Session-Expires".
   */
  | { kind: "timeout"; timer: string }
  /** No flow could be opened, or it was lost. */
  | { kind: "transport"; message: string }
  /** What the application passed cannot be used. */
  | { kind: "input"; field: string; offset: number; message: string }
  /** Not possible in this state. */
  | { kind: "state"; message: string }
  /** The other side's offer came first: once that is answered, offer anew if it is still wanted. */
  | { kind: "glare" }
  /** The peer sent something that cannot be used. */
  | { kind: "protocol"; message: string }
  /** Hung up or shut down by this side before it was done. */
  | { kind: "cancelled" }
  /** A limit of the configuration was reached. */
  | { kind: "limit"; message: string }
  /** This program failed at something else, and what was under way there is lost. */
  | { kind: "internal"; message: string };

/** RFC 3326: protocol "SIP" or "Q.850", cause number, text. */
export interface ReasonValue {
  protocol: string;
  cause: number | null;
  text: string | null;
}

export type CallState =
  /** INVITE sent, nothing heard. */
  | "calling"
  /** 100 heard. */
  | "proceeding"
  /** Outgoing: the other side rings (18x). Incoming: waiting for the application. */
  | "ringing"
  /** 2xx sent or received, ACK not yet. */
  | "answered"
  | "established"
  /** BYE or CANCEL on its way. */
  | "ending"
  | "ended";

/** Why a call ended, and on whose side. */
export interface End {
  by: "local" | "remote" | "network";
  /** The final SIP status, where there was one (e.g. 486). 200 for an ordinary BYE. */
  status: number | null;
  reason: string;
  cause: ReasonValue | null;
  error: ErrorValue | null;
}

export type SubscriptionState =
  /** SUBSCRIBE sent, no notification yet. An incoming one: waiting for the application. */
  | "subscribing"
  /** Received by the notifier, but not decided about. */
  | "pending"
  | "active"
  /** Lost; subscribed again after a while. */
  | "waiting"
  /** Given up by this side, which the other is being told. */
  | "ending"
  | "terminated";

/** Why a subscription ended, and on whose side. */
export interface SubscriptionEnd {
  by: "local" | "remote" | "network";
  /** The notifier's reason (`deactivated`, `rejected`, `timeout` …), or other words. */
  reason: string;
  /** After how many seconds it may be tried again, if that was said. */
  retryAfter: number | null;
  error: ErrorValue | null;
}

/** RFC 3842: whether messages wait, and how many of each class (`Voice-Message` …). */
export interface MessageSummary {
  waiting: boolean;
  /** The URI to call to hear them. */
  account: string | null;
  counts: MessageCounts[];
}

export interface MessageCounts {
  class: string;
  new: number;
  old: number;
}

export type PublicationState = "published" | "lost" | "ended";

export interface Transition {
  /** Milliseconds since the Unix epoch. */
  at: number;
  state: CallState;
  /** What made it happen, e.g. `"INVITE sent"`, `"180 Ringing"`, `"BYE received"`. */
  cause: string;
}

export interface CallSnapshot {
  call: CallId;
  direction: "outgoing" | "incoming";
  state: CallState;
  callId: string;
  local: Address;
  remote: Address;
  identity: RemoteIdentity;
  hold: { local: boolean; remote: boolean };
  /** When the session expires unless it is refreshed, in seconds; null: it does not. */
  sessionTimer: { expires: number; refresher: "local" | "remote" } | null;
  /** What takes this side's place in the call, once the other side was heard of. */
  replacement: Replacement | null;
  /** What the other side's Contact says of it (RFC 3840), e.g. `["isfocus", null]`. */
  features: Feature[];
  history: Transition[];
}

/** A dialog as it is now (RFC 3261 12). */
export interface DialogSnapshot {
  /** The call that uses it. */
  call: CallId | null;
  /** The subscription whose own it is. */
  subscription: SubscriptionNumber | null;
  callId: string;
  localTag: string;
  /** Empty for a peer that has none. */
  remoteTag: string;
  state: DialogState;
  /** The number of our last request. */
  localCseq: number;
  /** The number of the other side's last request. */
  remoteCseq: number | null;
  /** Where our requests go: the other side's last Contact. */
  target: string;
  /** The way they take, the nearest hop first. */
  routeSet: string[];
  /** How it came to this. */
  history: { at: number; state: DialogState; cause: string }[];
}

/** One that is over is gone. */
export type DialogState = "early" | "confirmed" | "terminated";

/** A transaction as it is now (RFC 3261 17, RFC 6026). */
export interface TransactionSnapshot {
  /** Its call, while that is known. */
  call: CallId | null;
  /** `client`: the request is ours. */
  role: "client" | "server";
  /** Of the request; `OTHER` for one that is none of the RFCs'. */
  method: string;
  state: TransactionState;
  /** How it came to this, e.g. by `"request"`, `"180 Ringing"`, `"ACK"`, `"timer D"`. */
  history: { at: number; state: TransactionState; cause: string }[];
}

export type TransactionState = "calling" | "trying" | "proceeding" | "accepted" | "completed" | "confirmed" | "terminated";

export type Notification =
  | { type: "result"; id: number; value: Results[keyof Results] }
  | { type: "error"; id: number; error: ErrorValue }
  | { type: "transport"; state: "connecting" | "connected" | "disconnected"; message: string | null; at: number }
  | { type: "registration"; state: "registering" | "registered" | "unregistered" | "failed"; expires: number | null; error: ErrorValue | null; at: number }
  /**
   * A new incoming call. `sdp` is the offer; null: the INVITE had none, the answer must bring the offer. `replaces` is the
   * call that ends when this one is established (RFC 3891), `joins` the one it is to be mixed with (RFC 3911), `referredBy` who sent the caller here, as the caller says.
   * `identity` is who calls, as far as it may be believed; `trusted`: so may `diversions` and `targets`.
   * `trickle`: the answer need not wait for its candidates.
   */
  | { type: "incoming"; call: CallId; callId: string; from: Address; to: Address; identity: RemoteIdentity; trusted: boolean; diversions: Diversion[]; targets: PastTarget[]; sdp: string | null; replaces: CallId | null; joins: CallId | null; referredBy: Address | null; trickle: boolean; headers: Header[]; at: number }
  /** A call changed its state. */
  | { type: "state"; call: CallId; state: CallState; cause: string; at: number }
  /** 1xx heard, with early media where `sdp` is there. */
  | { type: "progress"; call: CallId; status: number; reason: string; sdp: string | null; at: number }
  /** The call goes on elsewhere: it was redirected, or a place it was redirected to failed. */
  | { type: "redirected"; call: CallId; status: number; reason: string; target: string; at: number }
  /** Answered: 2xx heard (outgoing) or ACK with an answer heard (incoming, offerless INVITE). `sdp` is the other side's description. */
  | { type: "answered"; call: CallId; sdp: string | null; at: number }
  /** The other side offers anew; `acceptOffer` or `rejectOffer` must follow. `sdp` null: it asks us to offer. */
  | { type: "offer"; call: CallId; sdp: string | null; at: number }
  /** The answer to our offer came with the ACK (re-INVITE without offer) or the PRACK (offer in our 183). */
  | { type: "negotiated"; call: CallId; sdp: string; at: number }
  /** The other side is somebody else, or more is known of who it is (RFC 3325, RFC 4916). */
  | { type: "identity"; call: CallId; identity: RemoteIdentity; previous: RemoteIdentity; at: number }
  | { type: "hold"; call: CallId; local: boolean; remote: boolean; at: number }
  /** The connection was lost, and the other side knows by now where we are instead. Media that did not outlive it need an ICE restart. */
  | { type: "recovered"; call: CallId; at: number }
  /** The other side takes candidates one by one, once the call is established. */
  | { type: "trickle"; call: CallId; at: number }
  /** Candidates of the other side that its description does not have, each told once; `end`: there are no more. */
  | { type: "candidates"; call: CallId; candidates: TrickledCandidate[]; end: boolean; at: number }
  /** INFO within the call; `dtmf` is set when it carried a digit. */
  | { type: "info"; call: CallId; package: string | null; contentType: string; body: string; dtmf: { tone: string; duration: number } | null; at: number }
  /** An established call as it is now (only with `keepCalls`), in place of what was told before. */
  | { type: "saved"; call: CallId; saved: SavedCall }
  /** MESSAGE out of dialog. */
  | { type: "message"; from: Address; contentType: string; body: string; at: number }
  /** A subscription changed its state; `expires` in seconds where it has a lifetime, `cause` what was lost. */
  | { type: "subscription"; subscription: SubscriptionNumber; state: SubscriptionState; expires: number | null; cause: string | null; at: number }
  /** A NOTIFY for a subscription of ours. `summary` is the body of `message-summary`, read. */
  | { type: "notice"; subscription: SubscriptionNumber; package: string; state: SubscriptionState; contentType: string; body: string; summary: MessageSummary | null; at: number }
  /** Another notifier answered the same SUBSCRIBE: a subscription of its own. */
  | { type: "forked"; subscription: SubscriptionNumber; fork: SubscriptionNumber; at: number }
  /** The subscriber asked for more time; the last state was sent to it again. */
  | { type: "refreshed"; subscription: SubscriptionNumber; expires: number; at: number }
  | { type: "subscriptionEnded"; subscription: SubscriptionNumber; end: SubscriptionEnd; at: number }
  /** Somebody subscribes; `acceptSubscription` or `rejectSubscription` should follow, else it is pending after 4 × T1. */
  | { type: "incomingSubscription"; subscription: SubscriptionNumber; call: CallId | null; from: Address; to: Address; package: string; event: string; expires: number; contentType: string; body: string; headers: Header[]; at: number }
  /** A NOTIFY that nobody subscribed to. */
  | { type: "unsolicited"; from: Address; package: string; contentType: string; body: string; summary: MessageSummary | null; at: number }
  | { type: "publication"; publication: PublicationNumber; state: PublicationState; expires: number | null; error: ErrorValue | null; at: number }
  | { type: "ended"; call: CallId; end: End; at: number }
  /**
   * A server wants credentials that are missing or were refused, and `askCredentials` is set. The requests it asked in
   * wait for a `credentials` command. `why`: there are none (`first`), they are wrong (`rejected`), the token ran out
   * (`expired`). Check `authzServer` against those you trust (RFC 8898 2.1.1).
   */
  | {
      type: "credentialsNeeded";
      query: number;
      realm: string;
      proxy: boolean;
      schemes: ("Digest" | "Bearer")[];
      algorithms: string[];
      authzServer: string | null;
      scope: string | null;
      why: "first" | "rejected" | "expired";
      at: number;
    }
  /** The other side took our request for a transfer; nothing is transferred yet. */
  | { type: "transferAccepted"; transfer: TransferId; at: number }
  /** What it tells of the new call: 100, 180 and so on, also the final status. */
  | { type: "transferProgress"; transfer: TransferId; status: number; reason: string; at: number }
  /** A transfer is over: done where `error` is null. `status` is null where the other side tells none. */
  | { type: "transferDone"; transfer: TransferId; status: number | null; reason: string; error: ErrorValue | null; at: number }
  /**
   * The other side asks us to call `target`; `acceptTransfer` or `rejectTransfer` must follow. `replaces`: in the place of
   * another call there. `call` is null where it came outside of any.
   */
  | { type: "transferRequest"; transfer: TransferId; call: CallId | null; from: Address; target: Address; referredBy: Address | null; replaces: boolean; headers: Header[]; at: number }
  /** Nobody decided about it in time: it is refused. */
  | { type: "transferExpired"; transfer: TransferId; at: number }
  /** Something came that cannot be read as SIP; it was dropped. */
  | { type: "malformed"; remote: string; message: string; at: number }
  | { type: "trace"; direction: "in" | "out"; transport: string; remote: string; text: string; at: number }
  /** Where a native agent can be reached (`offhook agent`); told once for each place. */
  | { type: "listening"; transport: string; local: string }
  /** The agent is down: nothing follows. */
  | { type: "stopped"; at: number };
