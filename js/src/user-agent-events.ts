import type { Call } from "./call.js";
import type { OffhookError } from "./errors.js";
import type { IncomingSubscription } from "./incoming-subscription.js";
import type { Address, MessageSummary } from "./protocol.js";

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
