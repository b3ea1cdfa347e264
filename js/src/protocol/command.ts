// What is asked of an agent: `sip-core/src/control/command.rs`
import type { Binding, CallSnapshot, DialogSnapshot, RegistrationSnapshot, SavedCall, TransactionSnapshot } from "./snapshots.js";
import type {
  CallId,
  Feature,
  Header,
  PrivacyValue,
  PublicationNumber,
  Push,
  Replacement,
  SubscriptionNumber,
  TransferId,
  TrickledCandidate,
} from "./values.js";

/** What is asked of an agent. A command's number is chosen by the sender; exactly one `result` or `error` with that number answers it. */
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
