import type { AgentClient, Request } from "./agent-client.js";
import { ignore } from "./async.js";
import { Call, type CallInit, type CallNotification } from "./call.js";
import type { OffhookError } from "./errors.js";
import type { MediaHandler, MediaHandlerFactory } from "./media/handler.js";
import type { Address, CallId, ErrorValue, RemoteIdentity, SavedCall } from "./protocol.js";
import type { Transfer, TransferRequest } from "./transfer.js";

/** A call, and what feeds it. */
interface Entry {
  call: Call;
  deliver: (notification: CallNotification) => void;
  decide: (request: TransferRequest) => boolean;
  restore: () => void;
}

/** What of a call is the same for all calls of an agent. */
type Common = "local" | "client" | "openMedia" | "placeTransfer" | "attach";

/** What only incoming calls have. */
const NOTHING = {
  headers: [],
  trusted: false,
  diversions: [],
  targets: [],
  replaces: null,
  joins: null,
  referredBy: null,
  offer: null,
  asked: false,
  trickle: false,
} satisfies Partial<CallInit>;

/** @internal The calls of an agent: who is told what. */
export class Calls {
  readonly #client: AgentClient;
  readonly #common: Pick<CallInit, Exclude<Common, "attach">>;
  readonly #tell: (call: Call) => void;
  readonly #entries = new Map<CallId, Entry>();
  /** What was told of calls whose number we are about to learn. */
  #early: CallNotification[] = [];
  #placing = 0;

  /** `tell` is told of each call before anything is told of it. */
  constructor(
    client: AgentClient,
    local: Address,
    openMedia: MediaHandlerFactory,
    placeTransfer: (request: Request<"transfer" | "transferTo" | "handOver">) => Promise<Transfer>,
    tell: (call: Call) => void,
  ) {
    this.#client = client;
    this.#common = { client, local, openMedia, placeTransfer };
    this.#tell = tell;
  }

  /** Those that have not ended. */
  get all(): readonly Call[] {
    return Array.from(this.#entries.values(), ({ call }) => call);
  }

  get(id: CallId | null): Call | null {
    return (id !== null && this.#entries.get(id)?.call) || null;
  }

  /** A call of ours, as soon as `request` has made it. `asked`: the other side is to offer. */
  place(
    uri: string,
    media: MediaHandler,
    asked: boolean,
    signal: AbortSignal | undefined,
    request: () => Promise<{ call: CallId; callId: string }>,
  ): Promise<Call> {
    return this.#learn(async () => {
      const { call: id, callId } = await request();
      const remote = { displayName: null, uri };
      const identity = claimed(remote);
      const call = this.add({ ...NOTHING, id, callId, direction: "outgoing", remote, identity, media, asked, signal });
      for (const notification of this.#early.filter((early) => early.call === id)) this.deliver(notification);
      return call;
    });
  }

  /** A call that another agent has saved. */
  restore(saved: SavedCall): Promise<Call> {
    return this.#learn(async () => {
      const { call: id, callId } = await this.#client.request<"restoreCall">({ type: "restoreCall", saved });
      const snapshot = await this.#client.request<"inspect">({ type: "inspect", call: id });
      const { direction, remote, identity } = snapshot;
      const restored = { snapshot, streams: saved.streams };
      const call = this.add({ ...NOTHING, id, callId, direction, remote, identity, media: null, signal: undefined, restored });
      // What the snapshot does not say.
      const news = this.#early.filter((early) => early.call === id && early.type !== "state" && early.type !== "hold");
      for (const notification of news) this.deliver(notification);
      return call;
    });
  }

  add(init: Omit<CallInit, Common>): Call {
    let feed: Omit<Entry, "call"> = { deliver: () => undefined, decide: () => false, restore: () => undefined };
    const call = new Call({
      ...init,
      ...this.#common,
      attach: (deliver, decide, restore) => {
        feed = { deliver, decide, restore };
      },
    });
    this.#entries.set(init.id, { call, ...feed });
    ignore(call.ended.then(() => this.#entries.delete(init.id)));
    this.#tell(call);
    return call;
  }

  deliver(notification: CallNotification): void {
    const entry = this.#entries.get(notification.call);
    if (entry) entry.deliver(notification);
    else if (this.#placing > 0) this.#early.push(notification);
  }

  /** Whether somebody decides about it who listens at the call itself. */
  decides(id: CallId | null, request: TransferRequest): boolean {
    return (id !== null && this.#entries.get(id)?.decide(request)) || false;
  }

  /** Media that are lost may have a path again. */
  restoreMedia(): void {
    for (const { restore } of this.#entries.values()) restore();
  }

  /** Whatever the agent did not end itself ends here. */
  stop(error: OffhookError, by: "local" | "network", at: number): void {
    const lost = by === "network" ? (error.detail as ErrorValue) : null;
    const end = { by, status: null, reason: error.message, cause: null, error: lost };
    for (const [id, { deliver }] of this.#entries) deliver({ type: "ended", call: id, end, at });
  }

  async #learn(task: () => Promise<Call>): Promise<Call> {
    this.#placing++;
    try {
      return await task();
    } finally {
      this.#placing--;
      if (this.#placing === 0) this.#early = [];
    }
  }
}

/** Of whom nothing is known but the address. */
function claimed(address: Address): RemoteIdentity {
  const nothing = { asserted: null, number: null, source: "claimed", screened: false, anonymous: false } as const;
  return { shown: address, claimed: address, ...nothing, privacy: [] };
}
