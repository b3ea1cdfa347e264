import type { Command, End, Notification } from "../protocol.js";

/** A notification that answers no command. */
export type News = Exclude<Notification, { type: "result" | "error" }>;

/** Somebody who is told. */
export interface Listener {
  tell(notification: Notification): void;
}

/** A call, transfer, subscription or publication, and whose it is. */
interface Item<T> {
  /** Null: of everybody who was told of it, until one takes it. */
  owner: T | null;
  told: Set<T>;
  /** What was told of it so far, for who comes later; only while nobody owns it. */
  news: News[];
}

/** How much is kept for who comes later. */
const NEWS_LIMIT = 16;

type Kind = "call" | "transfer" | "subscription" | "publication";
const KINDS: readonly Kind[] = ["transfer", "subscription", "publication", "call"];

/** What a command or a notification is about. */
export function keyOf(message: Command | News): string | null {
  for (const kind of KINDS) {
    const number = (message as { [K in Kind]?: number | null })[kind];
    if (typeof number === "number") return `${kind} ${number}`;
  }
  return null;
}

/** What a tab is told of a call that another took. */
const ELSEWHERE: End = {
  by: "local",
  status: null,
  reason: "answered elsewhere",
  // As a server says it that forks (RFC 3326 2).
  cause: { protocol: "SIP", cause: 200, text: "Call completed elsewhere" },
  error: null,
};

/** Which calls, transfers, subscriptions and publications are whose: who is told of them, and who may give them commands. */
export class Share<T extends Listener> {
  readonly #items = new Map<string, Item<T>>();

  /** Makes something that belongs to one. */
  own(key: string, owner: T): void {
    this.#items.set(key, { owner, told: new Set([owner]), news: [] });
  }

  /** Forgets it. */
  forget(key: string): void {
    this.#items.delete(key);
  }

  /** Whether that one may give commands to it. */
  may(key: string, who: T): boolean {
    const item = this.#items.get(key);
    return item !== undefined && (item.owner ? item.owner === who : item.told.has(who));
  }

  /** Whose they are. */
  ownedBy(who: T): string[] {
    return Array.from(this.#items).flatMap(([key, { owner }]) => (owner === who ? [key] : []));
  }

  /** It goes from one to another. */
  move(key: string, to: T): void {
    if (this.#items.has(key)) this.own(key, to);
  }

  /** It is that one's from now on. Who was told of it before hears that it is over for them. */
  claim(key: string, who: T): void {
    const item = this.#items.get(key);
    if (!item || item.owner) return;
    item.owner = who;
    item.told.delete(who);
    const [announced] = item.news;
    for (const other of item.told) if (announced) other.tell(taken(announced));
    item.told = new Set([who]);
    item.news = [];
  }

  /** That one does not want it; whether others are left who might. */
  decline(key: string, who: T): boolean {
    const item = this.#items.get(key);
    if (!item || item.owner) return false;
    item.told.delete(who);
    return item.told.size > 0;
  }

  /** Tells those whom it concerns. */
  tell(news: News, everybody: Iterable<T>): void {
    const key = keyOf(news);
    if (key === null) {
      for (const who of everybody) who.tell(news);
      return;
    }
    if (news.type === "incoming" || news.type === "transferRequest" || news.type === "incomingSubscription")
      this.#announce(key, news, everybody);
    const item = this.#items.get(key);
    if (!item) return;
    if (news.type === "forked" && item.owner) this.own(`subscription ${news.fork}`, item.owner);
    if (!item.owner && item.news.length < NEWS_LIMIT) item.news.push(news);
    for (const who of item.told) who.tell(news);
    if (isLast(news)) this.#items.delete(key);
  }

  /** Somebody new: hears of what nobody has taken yet. */
  welcome(who: T): void {
    for (const item of this.#items.values()) {
      if (item.owner || item.told.has(who)) continue;
      item.told.add(who);
      for (const news of item.news) who.tell(news);
    }
  }

  /** Somebody has gone. */
  leave(who: T): void {
    for (const [key, item] of this.#items) {
      item.told.delete(who);
      if (item.owner === who) this.#items.delete(key);
    }
  }

  /** What belongs to a call that somebody has, or takes its place, is for that one alone. */
  #announce(key: string, news: Extract<News, { from: unknown }>, everybody: Iterable<T>): void {
    const call = news.type === "incoming" ? (news.replaces ?? news.joins) : "call" in news ? news.call : null;
    const owner = (call === null ? null : this.#items.get(`call ${call}`)?.owner) ?? null;
    this.#items.set(key, { owner, told: new Set(owner ? [owner] : everybody), news: [] });
  }
}

function isLast(news: News): boolean {
  switch (news.type) {
    case "ended":
    case "transferDone":
    case "transferExpired":
    case "subscriptionEnded":
      return true;
    case "publication":
      return news.state === "ended";
    default:
      return false;
  }
}

/** What was announced has been taken by another tab. */
function taken(announced: News): News {
  const at = Date.now();
  switch (announced.type) {
    case "transferRequest":
      return { type: "transferExpired", transfer: announced.transfer, at };
    case "incomingSubscription": {
      const end = { by: "local", reason: "accepted elsewhere", retryAfter: null, error: null } as const;
      return { type: "subscriptionEnded", subscription: announced.subscription, end, at };
    }
    default:
      return { type: "ended", call: (announced as Extract<News, { type: "incoming" }>).call, end: ELSEWHERE, at };
  }
}
