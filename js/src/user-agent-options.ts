import type { AgentEvent } from "./agent-client.js";
import type { PortFactory } from "./agent-port.js";
import type { WaitOptions } from "./call-events.js";
import type { Host, WorkerSource } from "./host/worker-port.js";
import type { MediaHandlerFactory, MediaSource } from "./media/handler.js";
import type { PeerConnectionOptions } from "./media/peer-connection.js";
import type { AgentConfig, Feature, Header, PrivacyValue, Push, Replacement } from "./protocol.js";
import type { Servers } from "./servers.js";

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
  /**
   * Whether the INVITE offers media (default true). `false`: the other side is asked to offer as it answers, and we answer that
   * (RFC 3261 13.2.1), as servers want it that bring two phones together (RFC 3725). The microphone is opened only then.
   */
  offer?: boolean;
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
