import type { Call } from "../call.js";
import type { IncomingSubscription } from "../incoming-subscription.js";
import type { Address, DialogSnapshot } from "../protocol.js";
import { DIALOG_INFO, type DialogState, type WrittenDialog, writeDialogInfo } from "./dialog-info.js";
import type { Lines } from "./lines.js";
import { PIDF, presenceOf, writePresence } from "./pidf.js";

/** Who is told what. */
export interface AnnouncerOptions {
  /**
   * Whether somebody may know; `"pickup"`: and pick up what rings here (`replacementOf`). It is asked again whenever there is
   * something to tell. There is no default: what others are told of you is for you to say.
   */
  allow: (from: Address, what: "presence" | "dialog") => boolean | "pickup";
}

/** Somebody who watches. */
interface Watcher {
  what: "presence" | "dialog";
  version: number;
  /** What was told last, as version 0. */
  last: string;
  /** Something may be new. */
  stale: boolean;
  busy: boolean;
}

/**
 * Tells others who watch us, where no server does that for us: whether we are there (`presence`) and on the phone (`dialog`).
 * The user agent needs `packages: ["presence", "dialog"]`.
 */
export class Announcer {
  readonly #lines: Lines;
  readonly #allow: AnnouncerOptions["allow"];
  readonly #watchers = new Map<IncomingSubscription, Watcher>();
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
      const allowed = this.#allow(from, what);
      if (!allowed) return await subscription.reject(403);
      const watcher: Watcher = { what, version: 0, last: "", stale: false, busy: true };
      this.#watchers.set(subscription, watcher);
      subscription.on("ended", () => this.#watchers.delete(subscription));
      watcher.last = (await this.#document(what, allowed === "pickup"))(0);
      await subscription.accept({ contentType: TYPES[what], body: watcher.last });
      watcher.busy = false;
      this.#update();
    } catch {
      // Whoever asked is gone.
      this.#watchers.delete(subscription);
    }
  }

  #update(): void {
    for (const [subscription, watcher] of this.#watchers) {
      watcher.stale = true;
      if (!watcher.busy) void this.#tell(subscription, watcher);
    }
  }

  /** Tells what is new, one notification after the other: many changes at a time are one. */
  async #tell(subscription: IncomingSubscription, watcher: Watcher): Promise<void> {
    watcher.busy = true;
    try {
      while (watcher.stale && this.#watchers.has(subscription)) {
        watcher.stale = false;
        const allowed = this.#allow(subscription.from, watcher.what);
        if (!allowed) return await this.#refuse(subscription);
        const document = await this.#document(watcher.what, allowed === "pickup");
        const now = document(0);
        if (now === watcher.last) continue;
        watcher.last = now;
        await subscription.notify(TYPES[watcher.what], document(++watcher.version));
      }
      watcher.busy = false;
    } catch {
      this.#watchers.delete(subscription);
    }
  }

  /** Somebody who may not know any more. */
  async #refuse(subscription: IncomingSubscription): Promise<void> {
    this.#watchers.delete(subscription);
    await subscription.terminate("rejected");
  }

  /** How things are, for each version of the document. */
  async #document(what: Watcher["what"], pickup: boolean): Promise<(version: number) => string> {
    const { agent, calls } = this.#lines;
    if (what === "dialog") {
      const known = pickup && calls.some(rings) ? await agent.inspectDialogs() : [];
      const dialogs = calls.map((call) => dialogOf(call, known));
      return (version) => writeDialogInfo(version, agent.aor, dialogs);
    }
    const talking = calls.some(({ state }) => state === "established" || state === "answered");
    const activities = [...(talking ? ["on-the-phone"] : []), ...(this.#away ? ["away"] : [])];
    const presence = writePresence(presenceOf(agent.aor, this.#away ? "closed" : "open", { note: this.#note, activities }));
    return () => presence;
  }
}

const TYPES = { presence: PIDF, dialog: DIALOG_INFO };

function dialogOf(call: Call, known: readonly DialogSnapshot[]): WrittenDialog {
  const { callId, identity } = call;
  const { shown, anonymous } = identity;
  const written: WrittenDialog = {
    id: callId,
    direction: call.direction === "outgoing" ? "initiator" : "recipient",
    state: dialogState(call),
    remote: anonymous ? null : shown,
    held: call.onHold.local,
  };
  // With the tags others can take a call.
  const dialog = rings(call) ? known.find((dialog) => dialog.callId === callId) : undefined;
  return dialog ? { ...written, callId, localTag: dialog.localTag, remoteTag: dialog.remoteTag } : written;
}

function rings({ direction, state }: Call): boolean {
  return direction === "incoming" && state === "ringing";
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
