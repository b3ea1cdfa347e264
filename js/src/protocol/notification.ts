// What an agent tells: `sip-core/src/control/notification.rs`
import type { Results } from "./command.js";
import type { ErrorValue } from "./error.js";
import type { SavedCall } from "./snapshots.js";
import type {
  Address,
  CallId,
  CallState,
  Diversion,
  End,
  Header,
  MessageSummary,
  PastTarget,
  PublicationNumber,
  PublicationState,
  RemoteIdentity,
  SubscriptionEnd,
  SubscriptionNumber,
  SubscriptionState,
  TransferId,
  TrickledCandidate,
} from "./values.js";

/** What an agent tells: the results of commands, and what happens by itself. `at` is in milliseconds since the Unix epoch. */
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
