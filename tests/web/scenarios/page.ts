// The agents of a scenario in a page: the commands and notifications of `offhook agent --json`, carried out and told by
// the public classes. What a scenario can do and see in a browser is in the two tables, VERBS and CALL_EVENTS.
import {
  type Address,
  type AgentConfig,
  type Call,
  type CallEvents,
  type CredentialRequest,
  type Credentials,
  type Command,
  type Host,
  type Notification,
  OffhookError,
  PeerConnectionMedia,
  type Transfer,
  type TransferOptions,
  type TransferRequest,
  UserAgent,
} from "offhook";
import { Events } from "./events.js";
import { Witness } from "./witness.js";

/** What an agent is started with. */
export interface Start {
  config: AgentConfig;
  refusesOffers: boolean;
  host: Host;
}

declare global {
  interface Window {
    agents: {
      start(agent: number, start: Start): void;
      command(agent: number, command: { id: number; type: string }): void;
      end(agent: number): Promise<string[]>;
    };
    /** What the bridge puts here. */
    tell(agent: number, told: unknown): void;
  }
}

/** A call that an agent has or had. */
interface Played {
  number: number;
  call: Call;
  media: Witness | null;
}

/** What the scenarios speak of; the rest of a notification may be there or not. */
type Told = { type: Notification["type"] } & Record<string, unknown>;

/** What the classes do by themselves, with the media handler and the credentials they were given. */
type ByItself = "acceptOffer" | "rejectOffer" | "trickle";
type Verb = Exclude<Command["type"], ByItself>;
type Of<T extends Verb> = Extract<Command, { type: T }>;

/** What each command is in the public classes. */
const VERBS: { [T in Verb]: (agent: Agent, command: Of<T>) => Promise<unknown> } = {
  connect: async (agent) => void (await agent.connect()),
  checkConnection: async (agent) => (await agent.connect()).checkConnection(),
  register: async (agent, { push }) => (await agent.connect()).register(push ? { push } : {}),
  unregister: async (agent) => (await agent.connect()).unregister(),
  bindings: async (agent) => ({ bindings: await (await agent.connect()).bindings() }),
  clearBindings: async (agent) => (await agent.connect()).clearBindings(),
  credentials: async (agent, { id: _, type: __, query, ...credentials }) => agent.authenticate(query, credentials),
  inspectRegistration: async (agent) => (await agent.connect()).inspectRegistration(),
  inspectDialogs: async (agent) => ({ dialogs: await (await agent.connect()).inspectDialogs() }),
  inspectTransactions: async (agent) => ({ transactions: await (await agent.connect()).inspectTransactions() }),
  call: (agent, command) => agent.call(command),
  ring: (agent, { call, sdp }) => agent.withMedia(call, (call) => call.ring({ earlyMedia: sdp !== undefined })),
  answer: (agent, { call, headers }) => agent.withMedia(call, (call) => call.answer(headers ? { headers } : {})),
  reject: (agent, { call, status, reason }) => agent.played(call).call.reject(status, reason),
  redirect: (agent, { call, contacts }) => agent.played(call).call.redirect(...contacts),
  hangup: (agent, { call, reason }) => agent.played(call).call.hangup(reason),
  hold: (agent, { call }) => agent.reoffer(call, (call) => call.hold()),
  resume: (agent, { call }) => agent.reoffer(call, (call) => call.resume()),
  renegotiate: (agent, { call }) => agent.reoffer(call, (call) => call.renegotiate()),
  update: (agent, { call, sdp }) =>
    sdp === undefined ? agent.played(call).call.update() : agent.reoffer(call, (call) => call.update({ media: true })),
  info: (agent, { call, contentType, body }) => agent.played(call).call.sendInfo(contentType, body),
  dtmf: (agent, { call, tone }) => agent.played(call).call.sendDtmf(tone, { via: "info" }),
  options: async (agent, { target }) => (await agent.connect()).options(target),
  message: async (agent, { target, contentType, body }) => (await agent.connect()).message(target, body, { contentType }),
  subscribe: async (agent, command) => agent.events.subscribe(await agent.connect(), command),
  unsubscribe: (agent, command) => agent.events.unsubscribe(command),
  refreshSubscription: (agent, command) => agent.events.refresh(command),
  acceptSubscription: (agent, command) => agent.events.accept(command),
  rejectSubscription: (agent, command) => agent.events.reject(command),
  notify: (agent, command) => agent.events.notify(command),
  terminateSubscription: (agent, command) => agent.events.terminate(command),
  publish: async (agent, command) => agent.events.publish(await agent.connect(), command),
  updatePublication: (agent, command) => agent.events.update(command),
  removePublication: (agent, command) => agent.events.remove(command),
  inspect: (agent, { call }) => agent.played(call).call.inspect(),
  saveCall: async (agent, { call }) => ({ saved: await agent.played(call).call.save() }),
  restoreCall: async (agent, { saved }) => agent.restore(await (await agent.connect()).restoreCall(saved)),
  transfer: async (agent, { call, target, ...options }) =>
    agent.follow(await agent.played(call).call.transfer(target, transferOptions(options))),
  transferTo: async (agent, { call, other, ...options }) =>
    agent.follow(await agent.played(call).call.transferTo(agent.played(other).call, transferOptions(options))),
  refer: async (agent, { target, referTo, ...options }) =>
    agent.follow(await (await agent.connect()).refer(target, referTo, transferOptions(options))),
  handOver: async (agent, { call, target, ...options }) =>
    agent.follow(await agent.played(call).call.handOver(target, transferOptions(options))),
  setFeatures: (agent, { call, features }) => agent.played(call).call.setFeatures(features),
  acceptTransfer: (agent, command) => agent.acceptTransfer(command),
  rejectTransfer: (agent, { transfer, status, reason }) => agent.asked(transfer).reject(status, reason),
  shutdown: (agent, { deadline }) => agent.shutdown(deadline),
};

/** What a call tells, as notifications; `described` is the description that came with it. */
const CALL_EVENTS: { [K in keyof CallEvents]: ((event: CallEvents[K], described: string | null) => Told | null) | null } = {
  // `ended` is told by the event of that name.
  state: (event) => (event.state === "ended" ? null : event),
  progress: ({ status, reason, earlyMedia, at }, described) => ({
    type: "progress",
    status,
    reason,
    sdp: earlyMedia ? described : null,
    at,
  }),
  redirected: (event) => event,
  recovered: (event) => event,
  identity: (event) => event,
  hold: (event) => event,
  info: (event) => event,
  ended: (event) => event,
  // Not signalling.
  muted: null,
  media: null,
  device: null,
  datachannel: null,
};

class Agent {
  readonly events = new Events((told) => this.#tell(told as Told));
  readonly #index: number;
  readonly #start: Start;
  readonly #calls = new Map<number, Played>();
  readonly #media: Witness[] = [];
  readonly #asked = new Map<number, TransferRequest>();
  /** Who waits for credentials, by the number of the question. */
  readonly #queries = new Map<number, (credentials: Credentials | null) => void>();
  /** How many transfers there were, of either side. */
  #transfers = 0;
  /** Commands whose outcome was not told yet. */
  readonly #underWay = new Set<Promise<void>>();
  /** The last description of the other side, by Call-ID. */
  readonly #descriptions = new Map<string, string>();
  #connecting: Promise<UserAgent> | null = null;
  #ua: UserAgent | null = null;

  constructor(index: number, start: Start) {
    this.#index = index;
    this.#start = start;
  }

  carryOut(command: { id: number; type: string }): void {
    const { id } = command;
    // The other side of the bridge makes what protocol.ts describes.
    const verb = VERBS[command.type as Verb] as ((agent: Agent, command: unknown) => Promise<unknown>) | undefined;
    const outcome = async (): Promise<unknown> => {
      if (!verb) throw new Error(`the page has no verb ${command.type}`);
      return verb(this, command);
    };
    const told = outcome().then(
      (value) => this.#tell({ type: "result", id, value: value ?? null }),
      (thrown: unknown) => this.#tell({ type: "error", id, error: detail(thrown) }),
    );
    this.#underWay.add(told);
    void told.then(() => this.#underWay.delete(told));
  }

  /** Connects, if that was not done yet. */
  connect(): Promise<UserAgent> {
    this.#connecting ??= this.#connect().catch((thrown: unknown) => {
      this.#connecting = null;
      throw thrown;
    });
    return this.#connecting;
  }

  async #connect(): Promise<UserAgent> {
    const media = (request: ConstructorParameters<typeof PeerConnectionMedia>[0]): Witness => {
      const incoming = request.direction === "incoming";
      const witness = new Witness(new PeerConnectionMedia(request), incoming, this.#start.refusesOffers);
      this.#media.push(witness);
      return witness;
    };
    const { config: settings, host } = this.#start;
    const { askCredentials, ...config } = settings;
    const credentials = (request: CredentialRequest): Promise<Credentials | null> => {
      const query = this.#queries.size + 1;
      this.#tell({ type: "credentialsNeeded", query, ...request, at: Date.now() });
      return new Promise((resolve) => this.#queries.set(query, resolve));
    };
    const ua = await UserAgent.connect({ ...config, ...(askCredentials && { credentials }), host, media });
    this.#ua = ua;
    // The first time it is the promise that says it.
    this.#tell({ type: "transport", state: "connected", message: null, at: Date.now() });
    ua.on("transport", (event) => this.#tell(event));
    ua.on("registration", (event) => this.#tell({ ...event, error: event.error && event.error.detail }));
    ua.on("message", (event) => this.#tell(event));
    this.events.watch(ua);
    ua.on("malformed", (event) => this.#tell(event));
    // Nothing follows: so what came of the commands goes first.
    ua.on("stopped", (event) => void Promise.all(this.#underWay).then(() => this.#tell(event)));
    ua.on("trace", (event) => {
      if (event.direction === "in") this.#keepDescription(event.text);
      this.#tell(event);
    });
    ua.onTransferRequest((request) => {
      const transfer = ++this.#transfers;
      this.#asked.set(transfer, request);
      const { from, target, referredBy, replaces, headers } = request;
      const call = this.#number(request.call);
      const at = Date.now();
      this.#tell({ type: "transferRequest", transfer, call, from, target, referredBy, replaces, headers, at });
      request.on("expired", ({ at }) => this.#tell({ type: "transferExpired", transfer, at }));
    });
    ua.on("incoming", ({ call, at }) => {
      const { number } = this.#add(call, null);
      const { callId, remote: from, identity, diversions, headers } = call;
      const replaces = this.#number(call.replaces);
      const joins = this.#number(call.joins);
      const sdp = this.#described(call);
      const who = { from: plain(from), identity, diversions };
      this.#tell({ type: "incoming", call: number, callId, ...who, sdp, replaces, joins, headers, at });
    });
    return ua;
  }

  async call(command: Of<"call">): Promise<{ call: number; callId: string }> {
    const { target, sdp, headers, replaces, joins, features, followRedirects, answerTimeout, preferredIdentity, privacy, anonymous } = command;
    const ua = await this.connect();
    const options = {
      ...(sdp === undefined && { offer: false }),
      ...(headers && { headers }),
      ...(replaces && { replaces }),
      ...(joins && { joins }),
      ...(features && { features }),
      ...(followRedirects !== undefined && { followRedirects }),
      ...(preferredIdentity !== undefined && { preferredIdentity }),
      ...(privacy && { privacy }),
      ...(anonymous && { anonymous }),
      ...(answerTimeout !== undefined && { answerTimeout }),
    };
    return this.#place(ua.call(target, options));
  }

  authenticate(query: number, credentials: Partial<Credentials>): void {
    const answer = this.#queries.get(query);
    if (!answer) throw new Error(`there is no question ${query}`);
    answer("token" in credentials || "password" in credentials ? (credentials as Credentials) : null);
  }

  asked(transfer: number): TransferRequest {
    const request = this.#asked.get(transfer);
    if (!request) throw new Error(`there is no request ${transfer}`);
    return request;
  }

  acceptTransfer({ transfer, headers }: Of<"acceptTransfer">): Promise<{ call: number; callId: string }> {
    return this.#place(this.asked(transfer).accept({ ...(headers && { headers }) }));
  }

  /** Tells of a transfer from now on. */
  follow(transfer: Transfer): { transfer: number } {
    const number = ++this.#transfers;
    transfer.on("accepted", ({ at }) => this.#tell({ type: "transferAccepted", transfer: number, at }));
    transfer.on("progress", (event) => this.#tell({ ...event, type: "transferProgress", transfer: number }));
    transfer.on("done", ({ outcome, error, at }) => {
      const status = outcome ? outcome.status : (error?.status ?? null);
      const told = { transfer: number, status, reason: outcome?.reason ?? "", error: error && error.detail, at };
      this.#tell({ type: "transferDone", ...told });
    });
    return { transfer: number };
  }

  async #place(calling: Promise<Call>): Promise<{ call: number; callId: string }> {
    // The media handler is the first thing that is made.
    const media = this.#media.at(-1) ?? null;
    const call = await calling;
    const { number } = this.#add(call, media);
    return { call: number, callId: call.callId };
  }

  restore(call: Call): { call: number; callId: string } {
    return { call: this.#add(call, null).number, callId: call.callId };
  }

  played(number: number): Played {
    const played = this.#calls.get(number);
    if (!played) throw new Error(`there is no call ${number}`);
    return played;
  }

  #number(call: Call | null): number | null {
    for (const played of this.#calls.values()) if (played.call === call) return played.number;
    return null;
  }

  /** Does what makes the media of an incoming call, if there are none yet. */
  async withMedia(number: number, action: (call: Call) => Promise<void>): Promise<void> {
    const played = this.played(number);
    const before = this.#media.length;
    const done = action(played.call);
    const made = this.#media[before];
    if (made) this.#witness(played, made);
    await done;
  }

  /** Offers anew; the result is the answer. */
  async reoffer(number: number, action: (call: Call) => Promise<void>): Promise<{ sdp: string | null }> {
    const { call, media } = this.played(number);
    if (!media) throw new Error("there are no media");
    media.offering++;
    try {
      await action(call);
      return { sdp: media.answer };
    } finally {
      media.offering--;
    }
  }

  async shutdown(deadline: number | undefined): Promise<void> {
    if (this.#connecting) return (await this.#connecting).shutdown(deadline);
    later(null).then(() => this.#tell({ type: "stopped", at: Date.now() }));
  }

  /** What is wrong with how it ended. */
  async end(): Promise<string[]> {
    const problems = await this.events.end();
    if (this.#ua && this.#ua.state !== "stopped") problems.push(`the user agent is ${this.#ua.state}`);
    if (this.#ua?.calls.length) problems.push(`the user agent has ${this.#ua.calls.length} calls`);
    for (const { number, call } of this.#calls.values()) {
      const last = call.history.at(-1)?.state;
      if (call.state !== "ended" || last !== "ended") problems.push(`call ${number} is ${call.state}, last ${last}`);
      const ended = call.ended.then(() => true);
      if (!(await Promise.race([ended, later(false)]))) problems.push(`call ${number} never resolves ended`);
      const was = call.history.some(({ state }) => state === "established");
      const established = call.established.then(() => true, () => false);
      if ((await Promise.race([established, later(null)])) !== was) problems.push(`call ${number}: established is not ${was}`);
    }
    const open = this.#media.filter((media) => !media.closed).length;
    if (open) problems.push(`the media of ${open} calls are still there`);
    return problems;
  }

  #add(call: Call, media: Witness | null): Played {
    const played: Played = { number: this.#calls.size + 1, call, media: null };
    this.#calls.set(played.number, played);
    if (media) this.#witness(played, media);
    for (const name of Object.keys(CALL_EVENTS) as (keyof CallEvents)[]) this.#listen(played, name);
    return played;
  }

  #listen<K extends keyof CallEvents>({ call, number }: Played, name: K): void {
    const translate = CALL_EVENTS[name];
    if (!translate) return;
    call.on(name, (event) => {
      const told = translate(event, this.#described(call));
      if (told) this.#tell({ ...told, call: number });
    });
  }

  /** The media handler is told of offers, so it is the one who tells of them. */
  #witness(played: Played, media: Witness): void {
    played.media = media;
    media.onOffer = (sdp) => this.#tell({ type: "offer", call: played.number, sdp, at: Date.now() });
  }

  #keepDescription(message: string): void {
    const [head = "", body = ""] = message.split("\r\n\r\n", 2);
    const id = /^(?:Call-ID|i) *: *(.*)$/im.exec(head)?.[1]?.trim();
    if (id && /^(?:Content-Type|c) *: *application\/sdp/im.test(head)) this.#descriptions.set(id, body);
  }

  #described({ callId }: Call): string | null {
    return this.#descriptions.get(callId) ?? null;
  }

  #tell(told: Told): void {
    window.tell(this.#index, told);
  }
}

function transferOptions({ hangUp, follow, timeout, toContact, headers }: TransferOptions): TransferOptions {
  return {
    ...(hangUp === undefined ? {} : { hangUp }),
    ...(follow === undefined ? {} : { follow }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(toContact === undefined ? {} : { toContact }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** A failure as a notification tells it. One that is not typed is a fault of the classes, and no line expects it. */
function detail(thrown: unknown): unknown {
  if (thrown instanceof OffhookError) return thrown.detail;
  return { kind: "untyped", message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
}

function plain({ displayName, uri }: Address): Address {
  return { displayName, uri };
}

function later<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, 0, value));
}

const agents = new Map<number, Agent>();
const agent = (index: number): Agent => {
  const found = agents.get(index);
  if (!found) throw new Error(`there is no agent ${index}`);
  return found;
};

window.agents = {
  start: (index, start) => void agents.set(index, new Agent(index, start)),
  command: (index, command) => agent(index).carryOut(command),
  end: (index) => agent(index).end(),
};
