import type { OffhookError } from "../src/errors.js";
import type { AgentPort } from "../src/agent-port.js";
import type {
  Address,
  CallId,
  CallSnapshot,
  CallState,
  Command,
  End,
  ErrorValue,
  Notification,
  RemoteIdentity,
  Results,
  SavedCall,
} from "../src/protocol.js";

type CommandOf<T extends Command["type"]> = Extract<Command, { type: T }>;
type NotificationOf<T extends Notification["type"]> = Extract<Notification, { type: T }>;

/** Commands that need no script: the answer is always this. */
const USUAL: Partial<Results> = {
  connect: null,
  checkConnection: null,
  register: { expires: 300 },
  unregister: null,
  ring: null,
  answer: null,
  acceptOffer: null,
  rejectOffer: null,
  info: null,
  trickle: null,
  dtmf: null,
  credentials: null,
  rejectTransfer: null,
  bindings: { bindings: [] },
  clearBindings: null,
  shutdown: null,
  unsubscribe: null,
  refreshSubscription: null,
  acceptSubscription: null,
  rejectSubscription: null,
  notify: null,
  terminateSubscription: null,
  updatePublication: { publication: 3, expires: 60 },
  removePublication: null,
};

/** A scripted agent: it keeps the commands it was sent, answers what is usual, and says what the test tells it to. */
export class FakeAgent implements AgentPort {
  onNotification: (notification: Notification) => void = () => undefined;
  onLost?: (error: OffhookError) => void;
  readonly commands: Command[] = [];
  closed = false;
  /** Commands that are left to the test. */
  readonly manual = new Set<Command["type"]>();
  #next: CallId = 1;
  #waiting: { type: Command["type"]; nth: number; resolve: (command: Command) => void }[] = [];

  send(command: Command): void {
    this.commands.push(command);
    const sent = this.sent(command.type).length;
    for (const waiting of this.#waiting) {
      if (waiting.type === command.type && waiting.nth === sent) waiting.resolve(command);
    }
    if (this.manual.has(command.type)) return;
    const call = (): Results["call"] => ({ call: this.#next, callId: `call-${this.#next++}` });
    if (command.type === "call" || command.type === "acceptTransfer") this.result(command, call());
    else if (command.type === "restoreCall") this.result(command, { call: this.#next++, callId: command.saved.callId });
    else if (command.type === "inspect") this.result(command, snapshot(command.call));
    else if (["transfer", "transferTo", "refer", "handOver"].includes(command.type)) this.result(command, { transfer: 7 });
    else if (command.type === "subscribe") this.result(command, { subscription: this.#next++ });
    else if (command.type === "publish") this.result(command, { publication: this.#next++, expires: 3600 });
    else if (command.type in USUAL) this.result(command, USUAL[command.type] ?? null);
  }

  close(): void {
    this.closed = true;
  }

  sent<T extends Command["type"]>(type: T): CommandOf<T>[] {
    return this.commands.filter((command): command is CommandOf<T> => command.type === type);
  }

  /** The nth command of a type, waited for if it is not here yet. */
  async command<T extends Command["type"]>(type: T, nth = 1): Promise<CommandOf<T>> {
    const here = this.sent(type)[nth - 1];
    if (here) return here;
    return (await new Promise<Command>((resolve) => this.#waiting.push({ type, nth, resolve }))) as CommandOf<T>;
  }

  result(command: Command, value: Results[keyof Results] = null): void {
    this.onNotification({ type: "result", id: command.id, value });
  }

  refuse(command: Command, error: ErrorValue): void {
    this.onNotification({ type: "error", id: command.id, error });
  }

  notify(notification: Notification): void {
    this.onNotification(notification);
  }

  state(call: CallId, state: CallState, cause = ""): void {
    this.notify({ type: "state", call, state, cause, at: 0 });
  }

  /** The usual way of an outgoing call to an established one. */
  establish(call: CallId, sdp = "answer"): void {
    this.state(call, "answered", "200 OK");
    this.notify({ type: "answered", call, sdp, at: 0 });
    this.state(call, "established", "ACK sent");
  }

  incoming(call: CallId, overrides: Partial<NotificationOf<"incoming">> = {}): void {
    const from = { displayName: "Bob", uri: "sip:bob@example.com" };
    const to = { displayName: null, uri: "sip:alice@example.com" };
    this.notify({
      type: "incoming",
      call,
      callId: `call-${call}`,
      from,
      to,
      identity: identityOf(from),
      trusted: false,
      diversions: [],
      targets: [],
      sdp: "offer",
      replaces: null,
      joins: null,
      referredBy: null,
      trickle: false,
      headers: [],
      at: 0,
      ...overrides,
    });
  }

  ended(call: CallId, end: Partial<End> = {}): void {
    const whole: End = { by: "remote", status: 200, reason: "BYE received", cause: null, error: null, ...end };
    this.notify({ type: "ended", call, end: whole, at: 0 });
  }
}

/** A call as data; `more` is what is not usual about it. */
export function savedCall(callId: string, more: Partial<SavedCall> = {}): SavedCall {
  return {
    version: 1,
    incoming: false,
    callId,
    local: "<sip:alice@example.com>;tag=a",
    remote: "<sip:bob@example.com>;tag=b",
    target: "sip:bob@192.0.2.1",
    routeSet: [],
    localCseq: 1,
    remoteCseq: null,
    holding: false,
    held: false,
    takesUpdate: null,
    takesInfo: "",
    since: 0,
    session: null,
    origin: null,
    privacy: null,
    streams: ["audio"],
    ...more,
  };
}

/** What is known of an established call. */
function snapshot(call: CallId): CallSnapshot {
  const remote = { displayName: "Bob", uri: "sip:bob@example.com" };
  return {
    call,
    direction: "outgoing",
    state: "established",
    callId: "",
    local: { displayName: null, uri: "sip:alice@example.com" },
    remote,
    identity: identityOf(remote),
    hold: { local: false, remote: false },
    sessionTimer: null,
    replacement: null,
    features: [],
    history: [{ at: 5, state: "established", cause: "restored" }],
  };
}

/** Of whom nothing is known but the address. */
export function identityOf(address: Address): RemoteIdentity {
  const nothing = { asserted: null, number: null, source: "claimed", screened: false, anonymous: false } as const;
  return { shown: address, claimed: address, ...nothing, privacy: [] };
}

/** A refusal with a SIP status. */
export function refusal(status: number, reason: string): ErrorValue {
  return { kind: "status", status, reason, cause: null, retryAfter: null, contacts: [] };
}
