import type { Call } from "../call.js";
import type { IncomingSubscription } from "../incoming-subscription.js";
import type { Address } from "../protocol.js";
import { DIALOG_INFO, type DialogState, writeDialogInfo } from "./dialog-info.js";
import type { Lines } from "./lines.js";
import { PIDF, presenceOf, writePresence } from "./pidf.js";

/** Who is told what. */
export interface AnnouncerOptions {
  /** Whether somebody may know. There is no default: what others are told of you is for you to say. */
  allow: (from: Address, what: "presence" | "dialog") => boolean;
}

/**
 * Tells others who watch us, where no server does that for us: whether we are there (`presence`) and on the phone (`dialog`).
 * The user agent needs `packages: ["presence", "dialog"]`.
 */
export class Announcer {
  readonly #lines: Lines;
  readonly #allow: AnnouncerOptions["allow"];
  readonly #watchers = new Map<IncomingSubscription, { version: number; last: string; busy: boolean }>();
  readonly #unlisten: (() => void)[];
  #away = false;
  #note: string | null = null;

  constructor(lines: Lines, { allow }: AnnouncerOptions) {
    this.#lines = lines;
    this.#allow = allow;
    this.#unlisten = [
      lines.agent.on("incomingSubscription", ({ subscription }) => void this.#onSubscription(subscription)),
      lines.on("change", () => this.#update()),
    ];
  }

  /** Who watches. */
  get watchers(): readonly Address[] {
    return Array.from(this.#watchers.keys(), ({ from }) => from);
  }

  /** Says that we do not take calls now, or do, and why. */
  set(state: { away?: boolean; note?: string | null }): void {
    this.#away = state.away ?? this.#away;
    this.#note = state.note === undefined ? this.#note : state.note;
    this.#update();
  }

  /** Ends it: whoever watches is told that there is no more to know. */
  async close(): Promise<void> {
    for (const stop of this.#unlisten) stop();
    const watching = [...this.#watchers.keys()];
    this.#watchers.clear();
    await Promise.all(watching.map((subscription) => subscription.terminate("noresource").catch(() => undefined)));
  }

  async #onSubscription(subscription: IncomingSubscription): Promise<void> {
    const { package: what, from } = subscription;
    // Others are somebody else's to decide.
    if (what !== "presence" && what !== "dialog") return;
    try {
      if (!this.#allow(from, what)) return await subscription.reject(403);
      const watcher = { version: 0, last: this.#fingerprint(what), busy: true };
      this.#watchers.set(subscription, watcher);
      subscription.on("ended", () => this.#watchers.delete(subscription));
      await subscription.accept({ contentType: what === "presence" ? PIDF : DIALOG_INFO, body: this.#document(what, 0) });
      watcher.busy = false;
      this.#update();
    } catch {
      // Whoever asked is gone.
      this.#watchers.delete(subscription);
    }
  }

  /** Tells each what is new, one notification after the other: many changes at a time are one. */
  #update(): void {
    for (const [subscription, watcher] of this.#watchers) {
      const what = subscription.package === "presence" ? "presence" : "dialog";
      const now = this.#fingerprint(what);
      if (watcher.busy || watcher.last === now) continue;
      watcher.last = now;
      watcher.busy = true;
      const body = this.#document(what, ++watcher.version);
      subscription
        .notify(what === "presence" ? PIDF : DIALOG_INFO, body)
        .then(() => {
          watcher.busy = false;
          this.#update();
        })
        .catch(() => this.#watchers.delete(subscription));
    }
  }

  #fingerprint(what: "presence" | "dialog"): string {
    return this.#document(what, 0);
  }

  #document(what: "presence" | "dialog", version: number): string {
    const { agent, calls } = this.#lines;
    if (what === "dialog") return writeDialogInfo(version, agent.aor, calls.map(dialogOf));
    const talking = calls.some(({ state }) => state === "established" || state === "answered");
    const activities = [...(talking ? ["on-the-phone"] : []), ...(this.#away ? ["away"] : [])];
    return writePresence(presenceOf(agent.aor, this.#away ? "closed" : "open", { note: this.#note, activities }));
  }
}

function dialogOf(call: Call): Parameters<typeof writeDialogInfo>[2][number] {
  const direction = call.direction === "outgoing" ? "initiator" : "recipient";
  const { shown, anonymous } = call.identity;
  // Not the tags: with them others could take the call.
  return { id: call.callId, direction, state: dialogState(call), remote: anonymous ? null : shown, held: call.onHold.local };
}

function dialogState({ state }: Call): DialogState {
  switch (state) {
    case "calling":
      return "trying";
    case "proceeding":
      return "proceeding";
    case "ringing":
      return "early";
    case "answered":
    case "established":
    case "ending":
      return "confirmed";
    case "ended":
      return "terminated";
  }
}
