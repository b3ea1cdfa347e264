// A registration, a call, a dialog, a transaction as it is at one moment: to be looked at, or to be kept.
import type { Address, CallId, CallState, Feature, RemoteIdentity, Replacement, SubscriptionNumber } from "./values.js";

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

/** One step in the history of a call. */
export interface Transition {
  /** Milliseconds since the Unix epoch. */
  at: number;
  state: CallState;
  /** What made it happen, e.g. `"INVITE sent"`, `"180 Ringing"`, `"BYE received"`. */
  cause: string;
}

/** A call as it is now. */
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
