import type { AgentClient, AgentEvent, Request } from "./agent-client.js";
import type { Call } from "./call.js";
import type { OffhookError } from "./errors.js";
import type { CallId, Header, TransferId } from "./protocol.js";
import { Transfer, type FollowOptions, type TransferNotification, TransferRequest } from "./transfer.js";

/** Makes the call that somebody asks for: its media, then what `accept` sends. */
export type Follow = (
  uri: string,
  options: FollowOptions,
  accept: (sdp: string | null) => Promise<{ call: CallId; callId: string }>,
) => Promise<Call>;

/** @internal Who is told what of transfers, ours and those that others ask for. */
export class Transfers {
  readonly #client: AgentClient;
  readonly #follow: Follow;
  readonly #transfers = new Map<TransferId, (notification: TransferNotification) => void>();
  /** What was told of those whose number we are about to learn. */
  readonly #early = new Map<TransferId, TransferNotification[]>();
  readonly #requests = new Map<TransferId, (at: number) => void>();

  constructor(client: AgentClient, follow: Follow) {
    this.#client = client;
    this.#follow = follow;
  }

  async place(request: Request<"transfer" | "transferTo" | "refer" | "handOver">): Promise<Transfer> {
    const { transfer: id } = await this.#client.request<"transfer" | "transferTo" | "refer" | "handOver">(request);
    const transfer = new Transfer((deliver) => this.#transfers.set(id, deliver));
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    for (const notification of early) this.deliver(notification);
    return transfer;
  }

  deliver(notification: TransferNotification): void {
    const id = notification.transfer;
    const deliver = this.#transfers.get(id);
    if (notification.type === "transferDone") this.#transfers.delete(id);
    if (deliver) return deliver(notification);
    // Told before its number was: it comes with that.
    const early = this.#early.get(id);
    if (early) early.push(notification);
    else this.#early.set(id, [notification]);
  }

  /** Somebody asks us to call; `call`: within that call. */
  receive(event: Extract<AgentEvent, { type: "transferRequest" }>, call: Call | null): TransferRequest {
    const { transfer: id, from, target, referredBy, replaces, headers } = event;
    return new TransferRequest({
      call,
      from,
      target,
      referredBy,
      replaces,
      headers,
      follow: (uri, options) => this.#follow(uri, options, (sdp) => this.#accept(id, sdp, options.headers)),
      refuse: async (status, reason) => {
        await this.#client.request<"rejectTransfer">({
          type: "rejectTransfer",
          transfer: id,
          ...(status === undefined ? {} : { status }),
          ...(reason === undefined ? {} : { reason }),
        });
        this.#requests.delete(id);
      },
      attach: (expire) => this.#requests.set(id, expire),
    });
  }

  /** Who asked waits no longer. */
  expire(id: TransferId, at: number): void {
    const expire = this.#requests.get(id);
    this.#requests.delete(id);
    expire?.(at);
  }

  async #accept(transfer: TransferId, sdp: string | null, headers: Header[] | undefined): Promise<{ call: CallId; callId: string }> {
    const more = { ...(sdp === null ? {} : { sdp }), ...(headers ? { headers } : {}) };
    const made = await this.#client.request<"acceptTransfer">({ type: "acceptTransfer", transfer, ...more });
    this.#requests.delete(transfer);
    return made;
  }

  /** Whatever the agent did not end itself ends here. */
  stop(error: OffhookError, at: number): void {
    const failure = { kind: "cancelled" } as const;
    for (const [id, deliver] of this.#transfers)
      deliver({ type: "transferDone", transfer: id, status: null, reason: error.message, error: failure, at });
    this.#transfers.clear();
  }
}
