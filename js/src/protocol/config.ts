// `sip-core/src/control/config.rs`
import type { Push } from "./values.js";

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
