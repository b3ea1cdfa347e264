import type { AgentPort } from "../src/agent-port.js";
import type { Address, CallId, CallState, Command, End, ErrorValue, Notification, Results } from "../src/protocol.js";
import { identityOf } from "./fake-agent.js";

interface Leg {
  agent: NetworkAgent;
  id: CallId;
  state: CallState;
  callId: string;
  direction: "outgoing" | "incoming";
  remote: Address;
  peer: Leg | null;
  offerless: boolean;
  held: { local: boolean; remote: boolean };
  /** Commands that wait for the peer. */
  reoffer: Command | null;
}

/** Agents that reach each other in memory: enough of a SIP world to try media and pages without a server. */
export class FakeNetwork {
  readonly agents = new Map<string, NetworkAgent>();
  nextCallId = 1;

  agent(aor: string, displayName?: string): NetworkAgent {
    const agent = new NetworkAgent(this, aor, displayName ?? null);
    this.agents.set(aor, agent);
    return agent;
  }
}

export class NetworkAgent implements AgentPort {
  onNotification: (notification: Notification) => void = () => undefined;
  /** How the next re-offer that arrives here is refused. */
  refuseReoffer: ErrorValue | null = null;
  /** How the next call that arrives here is refused. */
  refuseCall: ErrorValue | null = null;
  readonly address: Address;
  readonly #network: FakeNetwork;
  readonly #legs = new Map<CallId, Leg>();
  #next = 1;
  #cseq = 1;

  constructor(network: FakeNetwork, aor: string, displayName: string | null) {
    this.#network = network;
    this.address = { displayName, uri: aor };
  }

  send(command: Command): void {
    queueMicrotask(() => this.#handle(command));
  }

  close(): void {
    this.onNotification = () => undefined;
    this.#network.agents.delete(this.address.uri);
  }

  #say(notification: Notification): void {
    this.onNotification(notification);
  }

  #result(command: Command, value: Results[keyof Results] = null): void {
    this.#say({ type: "result", id: command.id, value });
  }

  #refuse(command: Command, error: ErrorValue): void {
    this.#say({ type: "error", id: command.id, error });
  }

  /** Both ends trace the message, as if there were a server between them. */
  #message(
    leg: { callId: string; peer: { agent: NetworkAgent } | null },
    start: string,
    body = "",
    method = "INVITE",
  ): void {
    const type = body ? "Content-Type: application/sdp\r\n" : "";
    const text =
      `${start}\r\nVia: SIP/2.0/WS fake.invalid;branch=z9hG4bK${this.#cseq}\r\nFrom: <${this.address.uri}>;tag=1\r\n` +
      `To: <${leg.peer?.agent.address.uri ?? "sip:server"}>\r\nCall-ID: ${leg.callId}\r\nCSeq: ${this.#cseq} ${method}\r\n` +
      `${type}Content-Length: ${body.length}\r\n\r\n${body}`;
    this.#trace("out", text);
    if (leg.peer) leg.peer.agent.#trace("in", text);
  }

  #trace(direction: "in" | "out", text: string): void {
    this.#say({ type: "trace", direction, transport: "WS", remote: "127.0.0.1:8080", text, at: Date.now() });
  }

  #enter(leg: Leg, state: CallState, cause: string): void {
    leg.state = state;
    this.#say({ type: "state", call: leg.id, state, cause, at: Date.now() });
  }

  #leg(
    agent: NetworkAgent,
    direction: "outgoing" | "incoming",
    callId: string,
    remote: Address,
    state: CallState,
  ): Leg {
    const leg: Leg = {
      agent,
      id: agent.#next++,
      state,
      callId,
      direction,
      remote,
      peer: null,
      offerless: false,
      held: { local: false, remote: false },
      reoffer: null,
    };
    agent.#legs.set(leg.id, leg);
    return leg;
  }

  #end(leg: Leg, end: Pick<End, "by" | "status" | "reason">): void {
    if (!this.#legs.delete(leg.id)) return;
    if (leg.reoffer) this.#refuse(leg.reoffer, { kind: "cancelled" });
    this.#enter(leg, "ended", end.reason);
    this.#say({ type: "ended", call: leg.id, end: { cause: null, error: null, ...end }, at: Date.now() });
  }

  #handle(command: Command): void {
    const at = Date.now();
    switch (command.type) {
      case "connect":
        this.#say({ type: "transport", state: "connecting", message: null, at });
        this.#say({ type: "transport", state: "connected", message: null, at });
        return this.#result(command);
      case "register":
        this.#say({ type: "registration", state: "registering", expires: null, error: null, at });
        this.#message({ callId: "register", peer: null }, "REGISTER sip:fake.invalid SIP/2.0", "", "REGISTER");
        this.#say({ type: "registration", state: "registered", expires: 300, error: null, at });
        return this.#result(command, { expires: 300 });
      case "unregister":
        this.#say({ type: "registration", state: "unregistered", expires: null, error: null, at });
        return this.#result(command);
      case "shutdown":
        for (const leg of [...this.#legs.values()]) this.#hangup(leg);
        this.#result(command);
        return this.#say({ type: "stopped", at });
      case "bindings":
        return this.#result(command, { bindings: [] });
      case "clearBindings":
        return this.#result(command);
      case "inspectDialogs":
        return this.#result(command, { dialogs: [] });
      case "inspectTransactions":
        return this.#result(command, { transactions: [] });
      case "inspectRegistration":
        return this.#refuse(command, { kind: "state", message: "a fake has no registration" });
      case "credentials":
        return this.#refuse(command, { kind: "state", message: "nobody waits for these credentials any more" });
      case "options":
      case "message": {
        const peer = this.#network.agents.get(command.target);
        if (!peer)
          return this.#refuse(command, {
            kind: "status",
            status: 404,
            reason: "Not Found",
            cause: null,
            retryAfter: null,
            contacts: [],
          });
        if (command.type === "message") {
          const { contentType, body } = command;
          peer.#say({ type: "message", from: this.address, contentType, body, at });
        }
        return this.#result(command, { status: 200, reason: "OK" });
      }
      case "call":
        return this.#call(command);
      case "transfer":
      case "transferTo":
      case "handOver":
      case "refer":
      case "acceptTransfer":
      case "rejectTransfer":
        return this.#refuse(command, { kind: "state", message: "nobody is transferred here" });
      default: {
        if (!("call" in command))
          return this.#refuse(command, { kind: "state", message: "nobody is subscribed to or published to here" });
        const leg = this.#legs.get(command.call);
        if (!leg) return this.#refuse(command, { kind: "state", message: "there is no such call" });
        this.#inCall(command, leg);
      }
    }
  }

  #call(command: Extract<Command, { type: "call" }>): void {
    const at = Date.now();
    const peer = this.#network.agents.get(command.target);
    const callId = `${this.#network.nextCallId++}@fake.invalid`;
    const leg = this.#leg(this, "outgoing", callId, { displayName: null, uri: command.target }, "calling");
    this.#result(command, { call: leg.id, callId });
    this.#enter(leg, "calling", "INVITE sent");
    this.#message({ callId, peer: peer ? { agent: peer } : null }, `INVITE ${command.target} SIP/2.0`, command.sdp);
    const refusal = peer
      ? peer.refuseCall
      : ({ kind: "status", status: 404, reason: "Not Found", cause: null, retryAfter: null, contacts: [] } as const);
    if (!peer || refusal) {
      const status = refusal?.kind === "status" ? refusal.status : 500;
      const reason = refusal?.kind === "status" ? refusal.reason : "";
      this.#trace("in", `SIP/2.0 ${status} ${reason}\r\nCall-ID: ${callId}\r\nCSeq: 1 INVITE\r\n\r\n`);
      return this.#end(leg, { by: "remote", status, reason });
    }
    const other = this.#leg(peer, "incoming", callId, this.address, "ringing");
    leg.peer = other;
    other.peer = leg;
    other.offerless = command.sdp === undefined;
    const { sdp = null, headers = [] } = command;
    const [from, to] = [this.address, peer.address];
    const who = { from, to, identity: identityOf(from), trusted: false, diversions: [], targets: [] };
    peer.#say({ type: "incoming", call: other.id, callId, ...who, sdp, replaces: null, joins: null, referredBy: null, trickle: false, headers, at });
  }

  #inCall(command: Extract<Command, { call: CallId }>, leg: Leg): void {
    const at = Date.now();
    const peer = leg.peer;
    switch (command.type) {
      case "inspect": {
        const { id: call, direction, state, callId, remote, held: hold } = leg;
        return this.#result(command, {
          call,
          direction,
          state,
          callId,
          local: this.address,
          remote,
          identity: identityOf(remote),
          hold,
          history: [],
        });
      }
      case "hangup":
        this.#hangup(leg);
        return this.#result(command);
      case "reject":
      case "redirect":
        this.#refuseLeg(leg, command.type === "redirect" ? 302 : (command.status ?? 486));
        return this.#result(command);
    }
    if (!peer) return this.#refuse(command, { kind: "state", message: "there is nobody" });
    const far = peer.agent;
    switch (command.type) {
      case "ring": {
        this.#message(
          leg,
          `SIP/2.0 ${command.sdp === undefined ? "180 Ringing" : "183 Session Progress"}`,
          command.sdp,
        );
        far.#enter(peer, "ringing", "180 Ringing");
        const [status, reason] =
          command.sdp === undefined ? ([180, "Ringing"] as const) : ([183, "Session Progress"] as const);
        far.#say({ type: "progress", call: peer.id, status, reason, sdp: command.sdp ?? null, at });
        return this.#result(command);
      }
      case "answer":
        this.#enter(leg, "answered", "200 sent");
        this.#message(leg, "SIP/2.0 200 OK", command.sdp);
        far.#enter(peer, "answered", "200 OK");
        far.#say({ type: "answered", call: peer.id, sdp: command.sdp ?? null, at });
        far.#message(peer, `ACK ${this.address.uri} SIP/2.0`, "", "ACK");
        far.#enter(peer, "established", "ACK sent");
        this.#enter(leg, "established", "ACK received");
        return this.#result(command);
      case "hold":
      case "resume":
      case "renegotiate":
      case "update": {
        if (command.type === "update" && command.sdp === undefined) return this.#result(command, { sdp: null });
        const refusal = far.refuseReoffer;
        far.refuseReoffer = null;
        this.#cseq++;
        const method = command.type === "update" ? "UPDATE" : "INVITE";
        this.#message(leg, `${method} ${peer.agent.address.uri} SIP/2.0`, command.sdp);
        if (refusal) return this.#refuse(command, refusal);
        if (peer.reoffer)
          return this.#refuse(command, {
            kind: "status",
            status: 491,
            reason: "Request Pending",
            cause: null,
            retryAfter: null,
            contacts: [],
          });
        leg.reoffer = command;
        return far.#say({ type: "offer", call: peer.id, sdp: command.sdp ?? null, at });
      }
      case "acceptOffer": {
        const offer = peer.reoffer;
        if (!offer) return this.#refuse(command, { kind: "state", message: "there is no offer" });
        peer.reoffer = null;
        this.#message(leg, "SIP/2.0 200 OK", command.sdp);
        if (offer.type === "hold" || offer.type === "resume") {
          const held = offer.type === "hold";
          peer.held = { ...peer.held, local: held };
          leg.held = { ...leg.held, remote: held };
          far.#say({ type: "hold", call: peer.id, ...peer.held, at });
          this.#say({ type: "hold", call: leg.id, ...leg.held, at });
        }
        far.#result(offer, { sdp: command.sdp });
        return this.#result(command);
      }
      case "rejectOffer": {
        const offer = peer.reoffer;
        peer.reoffer = null;
        if (offer)
          far.#refuse(offer, {
            kind: "status",
            status: command.status ?? 488,
            reason: "Not Acceptable Here",
            cause: null,
            retryAfter: null,
            contacts: [],
          });
        return this.#result(command);
      }
      case "info": {
        const { contentType, body, package: name = null } = command;
        far.#say({ type: "info", call: peer.id, package: name, contentType, body, dtmf: null, at });
        return this.#result(command);
      }
      case "dtmf": {
        const { tone, duration = 160 } = command;
        far.#say({
          type: "info",
          package: null,
          call: peer.id,
          contentType: "application/dtmf-relay",
          body: "",
          dtmf: { tone, duration },
          at,
        });
        return this.#result(command);
      }
    }
  }

  #refuseLeg(leg: Leg, status: number): void {
    const reason = status === 486 ? "Busy Here" : "Refused";
    this.#message(leg, `SIP/2.0 ${status} ${reason}`);
    this.#end(leg, { by: "local", status, reason });
    if (leg.peer) leg.peer.agent.#end(leg.peer, { by: "remote", status, reason });
  }

  #hangup(leg: Leg): void {
    if (leg.direction === "incoming" && leg.state === "ringing") return this.#refuseLeg(leg, 486);
    const method = leg.state === "established" ? "BYE" : "CANCEL";
    this.#message(leg, `${method} ${leg.remote.uri} SIP/2.0`, "", method);
    this.#end(leg, { by: "local", status: 200, reason: `${method} sent` });
    if (leg.peer)
      leg.peer.agent.#end(leg.peer, {
        by: "remote",
        status: method === "BYE" ? 200 : 487,
        reason: `${method} received`,
      });
  }
}
