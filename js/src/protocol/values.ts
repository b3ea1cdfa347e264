// What commands and notifications speak of: who somebody is, what a call, a subscription, a publication is in, and how it ended.
import type { ErrorValue, ReasonValue } from "./error.js";

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

/** How a server can wake a user agent (RFC 8599): the push service, what that knows it by, and what else it needs. */
export interface Push {
  /** `apns`, `fcm`, `webpush` … */
  provider: string;
  prid: string;
  param?: string;
}

/** A feature in a Contact (RFC 3840): its name, and its value where it has one. */
export type Feature = [name: string, value: string | null];

/** Where a call is. */
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

/** Where a subscription is (RFC 6665 4.1.2). */
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

/** How many messages of a class (`Voice-Message` …). */
export interface MessageCounts {
  class: string;
  new: number;
  old: number;
}

/** Where a publication is (RFC 3903): `lost` when a refresh failed, until it is made anew. */
export type PublicationState = "published" | "lost" | "ended";
