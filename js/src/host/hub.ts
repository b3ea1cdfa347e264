import type { AgentPort, PortFactory } from "../agent-port.js";
import { toOffhookError } from "../errors.js";
import type { AgentConfig, Command, ErrorValue, Notification, Results } from "../protocol.js";
import { holdLock, watchLock } from "./locks.js";
import type { Channel, FromWorker, ToWorker } from "./messages.js";
import { Orphan } from "./orphans.js";
import { keyOf, type Listener, type News, Share } from "./share.js";

/** How long an agent may take to say goodbye once its last tab has gone, in milliseconds. */
const FAREWELL = 2000;

/** What a later tab need not say like the first: secrets, and which user agent it would be. */
const NOT_COMPARED: readonly (keyof AgentConfig)[] = ["password", "ha1", "token", "instance"];

/** One page. */
interface Tab {
  config: AgentConfig | null;
  post(message: FromWorker): void;
  tell(notification: Notification): void;
  unwatch: () => void;
  /** It has asked to be registered. */
  registers: boolean;
}

/** A command that the agent has, and whose it is; null: of nobody any more. */
interface Pending {
  tab: Tab | null;
  command: Command;
}

/** One agent for all pages that connect: who is told what, whose a call is. What a command means is the agent's affair. */
export class Hub {
  readonly #open: PortFactory;
  readonly #lock: Promise<string | null>;
  readonly #tabs = new Set<Tab>();
  readonly #pending = new Map<number, Pending>();
  /** Who was asked for credentials. */
  readonly #asked = new Map<number, Set<Tab>>();
  /** Calls that may go on after a reload of their page, by their Call-ID. */
  readonly #kept = new Map<string, string>();
  /** Those whose page has gone. */
  readonly #orphans = new Map<string, Orphan>();
  #share = new Share<Listener>();
  #agent: Promise<AgentPort> | null = null;
  #port: AgentPort | null = null;
  #config: AgentConfig | null = null;
  #transport: Extract<News, { type: "transport" }> | null = null;
  #registration: Extract<News, { type: "registration" }> | null = null;
  /** Resolves when the agent is down whose last tab has gone. */
  #stopping: Promise<void> | null = null;
  #stopped: () => void = () => undefined;
  #nextId = 1;

  constructor(open: PortFactory) {
    this.#open = open;
    this.#lock = holdLock("offhook worker").then(({ name }) => name, () => null);
  }

  /** Serves a page. */
  connect(channel: Channel<FromWorker, ToWorker>): void {
    const post = (message: FromWorker): void => channel.postMessage(message);
    const tab: Tab = {
      config: null,
      post,
      tell: (notification) => post({ type: "notification", notification }),
      unwatch: () => undefined,
      registers: false,
    };
    channel.onmessage = ({ data }) => {
      switch (data.type) {
        case "open":
          tab.unwatch = watchLock(data.tab, () => this.#leave(tab));
          void this.#enter(tab, data.config);
          break;
        case "command":
          this.#take(tab, data.command);
          break;
        case "close":
          this.#leave(tab);
          break;
      }
    };
  }

  /** The agent has died: nothing can be said to anybody but the pages. */
  crash(message: string): void {
    for (const tab of this.#tabs) tab.post({ type: "crashed", message });
    this.#dispose();
  }

  async #enter(tab: Tab, config: AgentConfig): Promise<void> {
    tab.config = config;
    while (this.#stopping) await this.#stopping;
    try {
      if (this.#agent) this.#compare(config);
      else {
        this.#config = config;
        this.#agent = this.#open(config);
      }
      this.#port = await this.#agent;
      this.#port.onNotification = (notification) => this.#hear(notification);
      const worker = await this.#lock;
      // It may have gone meanwhile.
      if (tab.config === null) return this.#stopIfAlone();
      this.#tabs.add(tab);
      tab.post({ type: "opened", worker });
    } catch (thrown) {
      tab.unwatch();
      if (this.#port === null) this.#agent = null;
      tab.post({ type: "refused", error: toOffhookError(thrown).detail as ErrorValue });
    }
  }

  #compare(config: AgentConfig): void {
    const running = this.#config ?? config;
    const names = new Set([...Object.keys(running), ...Object.keys(config)]) as Set<keyof AgentConfig>;
    const others = [...names].filter(
      (name) => !NOT_COMPARED.includes(name) && JSON.stringify(running[name]) !== JSON.stringify(config[name]),
    );
    if (others.length === 0) return;
    throw { kind: "state", message: `other tabs share an agent with other options: ${others.join(", ")}` } satisfies ErrorValue;
  }

  /** A page has gone, or wants nothing any more: what is its alone is ended. */
  #leave(tab: Tab): void {
    const keep = tab.config?.keepCalls ?? false;
    tab.config = null;
    tab.unwatch();
    if (!this.#tabs.delete(tab)) return;
    for (const pending of this.#pending.values()) if (pending.tab === tab) pending.tab = null;
    for (const [query, asked] of this.#asked) this.#noCredentials(query, asked, tab);
    if (keep) this.#orphan(tab);
    const owned = this.#share.ownedBy(tab);
    this.#share.leave(tab);
    for (const key of owned) this.#end(key);
    this.#stopIfAlone();
  }

  /** The established calls of a page that has gone wait for it to be loaded anew. */
  #orphan(tab: Tab): void {
    const owned = this.#share.ownedBy(tab);
    for (const [callId, key] of this.#kept) {
      if (!owned.includes(key)) continue;
      const orphan = new Orphan(key, () => {
        this.#orphans.delete(callId);
        this.#share.leave(orphan);
        if (!orphan.over) this.#end(key);
        this.#stopIfAlone();
      });
      this.#orphans.set(callId, orphan);
      this.#share.move(key, orphan);
    }
  }

  /** The page is here again, or another tab takes its call; false: the call is none that waits. */
  #adopt(tab: Tab, { id, saved }: Extract<Command, { type: "restoreCall" }>): boolean {
    const orphan = this.#orphans.get(saved.callId);
    if (!orphan) return false;
    this.#orphans.delete(saved.callId);
    orphan.forget();
    if (orphan.over) {
      tab.tell({ type: "error", id, error: { kind: "state", message: "the call is over" } });
      return true;
    }
    this.#share.move(orphan.key, tab);
    const value = { call: Number(orphan.key.split(" ")[1]), callId: saved.callId };
    tab.tell({ type: "result", id, value });
    for (const news of orphan.news) tab.tell(news);
    return true;
  }

  #stopIfAlone(): void {
    if (this.#tabs.size + this.#orphans.size > 0 || !this.#port || this.#stopping) return;
    this.#stopping = new Promise((resolve) => (this.#stopped = resolve));
    this.#send({ type: "shutdown", deadline: FAREWELL });
  }

  #end(key: string, tab: Tab | null = null, id = 0): void {
    const [kind, number] = key.split(" ") as [string, string];
    const which = Number(number);
    if (kind === "call") this.#send({ type: "hangup", call: which }, tab, id);
    else if (kind === "subscription") this.#send({ type: "unsubscribe", subscription: which }, tab, id);
    else if (kind === "publication") this.#send({ type: "removePublication", publication: which }, tab, id);
  }

  /** Hands a command to the agent, under a number of our own. */
  #send(command: Command | WithoutId, tab: Tab | null = null, id = 0): void {
    const number = this.#nextId++;
    this.#pending.set(number, { tab, command: { ...command, id } as Command });
    this.#port?.send({ ...command, id: number } as Command);
  }

  #take(tab: Tab, command: Command): void {
    if (!this.#tabs.has(tab)) return;
    const { id } = command;
    const done = (value: Results[keyof Results]): void => tab.tell({ type: "result", id, value });
    const refuse = (message: string): void => tab.tell({ type: "error", id, error: { kind: "state", message } });
    const key = keyOf(command);
    if (key !== null && !this.#share.may(key, tab)) {
      // What is over here, or in another tab, has been ended.
      const ends = ["hangup", "unsubscribe", "terminateSubscription", "removePublication"].includes(command.type);
      return ends ? done(null) : refuse(`the ${key.split(" ")[0]} is over, or in another tab`);
    }
    switch (command.type) {
      case "connect":
        // The first thing a page says; from then on it listens.
        if (this.#transport) tab.tell(this.#transport);
        if (this.#registration) tab.tell(this.#registration);
        if (this.#transport?.state !== "connected") break;
        done(null);
        return this.#share.welcome(tab);
      case "register": {
        // One registration for all; who has it and asks again, or has got a push, wants another.
        const first = !tab.registers && !command.push;
        tab.registers = true;
        if (first && this.#registration?.state === "registered") return done({ expires: this.#registration.expires ?? 0 });
        break;
      }
      case "shutdown":
        if (this.#tabs.size > 1) return this.#shutdown(tab, command);
        break;
      case "credentials": {
        const asked = this.#asked.get(command.query);
        if (!asked) return done(null);
        if (command.password === undefined && command.ha1 === undefined && command.token === undefined) {
          this.#noCredentials(command.query, asked, tab);
          return done(null);
        }
        this.#asked.delete(command.query);
        break;
      }
      case "transferTo":
        if (!this.#share.may(`call ${command.other}`, tab)) return refuse("the other call is over, or in another tab");
        break;
      case "answer":
      case "acceptTransfer":
      case "acceptSubscription":
        if (key !== null) this.#share.claim(key, tab);
        break;
      case "ring":
        if (key !== null && command.sdp !== undefined) this.#share.claim(key, tab);
        break;
      case "restoreCall":
        if (this.#adopt(tab, command)) return;
        break;
      case "rejectTransfer":
        // Refused by one tab; others may still accept it.
        if (key !== null && this.#share.decline(key, tab)) return done(null);
        break;
    }
    this.#send(command, tab, id);
  }

  /** One of several tabs stops: what is its own ends, the agent goes on. */
  #shutdown(tab: Tab, { id, deadline = FAREWELL }: Extract<Command, { type: "shutdown" }>): void {
    const stop = (): void => {
      clearTimeout(late);
      if (!this.#tabs.has(tab)) return;
      tab.tell({ type: "result", id, value: null });
      tab.tell({ type: "stopped", at: Date.now() });
      this.#leave(tab);
    };
    const late = setTimeout(stop, deadline);
    // Each of them is awaited: its answer comes to a tab of its own.
    const owned = this.#share.ownedBy(tab);
    let left = owned.length;
    const waiting: Tab = { ...tab, tell: ({ type }) => void ((type === "result" || type === "error") && --left === 0 && stop()) };
    for (const key of owned) {
      if (key.startsWith("transfer ")) left--;
      else this.#end(key, waiting);
    }
    if (left === 0) stop();
  }

  #noCredentials(query: number, asked: Set<Tab>, tab: Tab): void {
    asked.delete(tab);
    if (asked.size > 0) return;
    this.#asked.delete(query);
    this.#send({ type: "credentials", query });
  }

  /** What the agent says. */
  #hear(notification: Notification): void {
    switch (notification.type) {
      case "result":
      case "error":
        return this.#answer(notification);
      case "transport":
        this.#transport = notification;
        break;
      case "registration":
        this.#registration = notification;
        break;
      case "saved":
        this.#kept.set(notification.saved.callId, `call ${notification.call}`);
        break;
      case "ended":
        for (const [callId, key] of this.#kept) if (key === `call ${notification.call}`) this.#kept.delete(callId);
        break;
      case "credentialsNeeded": {
        const asked = new Set(this.#tabs);
        if (asked.size === 0) return this.#send({ type: "credentials", query: notification.query });
        this.#asked.set(notification.query, asked);
        break;
      }
    }
    this.#share.tell(notification, this.#tabs);
    if (notification.type === "stopped") this.#dispose();
  }

  #answer(answer: Extract<Notification, { id: number }>): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (!pending) return;
    const { tab, command } = pending;
    if (answer.type === "result") {
      if (command.type === "acceptTransfer" || command.type === "rejectTransfer") this.#share.forget(`transfer ${command.transfer}`);
      const made = madeBy(command, answer.value);
      if (made !== null && tab) this.#share.own(made, tab);
      else if (made !== null) this.#end(made);
    }
    tab?.tell({ ...answer, id: command.id });
    if (command.type === "connect" && tab) this.#share.welcome(tab);
  }

  #dispose(): void {
    this.#port?.close();
    this.#agent = null;
    this.#port = null;
    this.#config = null;
    this.#transport = null;
    this.#registration = null;
    for (const tab of this.#tabs) tab.unwatch();
    this.#tabs.clear();
    this.#pending.clear();
    this.#asked.clear();
    this.#kept.clear();
    for (const orphan of this.#orphans.values()) orphan.forget();
    this.#orphans.clear();
    this.#share = new Share();
    this.#stopping = null;
    this.#stopped();
  }
}

type WithoutId = Command extends infer T ? (T extends unknown ? Omit<T, "id"> : never) : never;

/** What a command has made, by its result. */
function madeBy(command: Command, value: Results[keyof Results]): string | null {
  switch (command.type) {
    case "call":
    case "acceptTransfer":
    case "restoreCall":
      return `call ${(value as Results["call"]).call}`;
    case "transfer":
    case "transferTo":
    case "handOver":
    case "refer":
      return `transfer ${(value as Results["transfer"]).transfer}`;
    case "subscribe":
      return `subscription ${(value as Results["subscribe"]).subscription}`;
    case "publish":
      return `publication ${(value as Results["publish"]).publication}`;
    default:
      return null;
  }
}
