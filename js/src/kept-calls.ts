import { holdLock, lockGoes } from "./host/locks.js";
import type { CallId, SavedCall } from "./protocol.js";

/** How long a page that was left may take to be gone, in milliseconds. */
const PATIENCE = 1000;
/** More than that nobody talks in. */
const LIMIT = 32;

/** What this page holds as long as it lives. */
let page: Promise<string | null> | null = null;

interface Stored {
  /** The page that wrote it. */
  page: string | null;
  calls: readonly SavedCall[];
}

/**
 * The established calls of this tab, so that they outlive a reload of its page: in `sessionStorage`, which is the tab's
 * own. A tab that was duplicated has a copy of it, but the page that wrote it is still there.
 */
export class KeptCalls {
  readonly #key: string;
  readonly #page: string | null;
  readonly #calls = new Map<string, SavedCall>();
  readonly #numbers = new Map<CallId, string>();

  private constructor(aor: string, page: string | null) {
    this.#key = `offhook calls ${aor}`;
    this.#page = page;
  }

  static async open(aor: string): Promise<KeptCalls> {
    page ??= holdLock("offhook page").then(({ name }) => name, () => null);
    const kept = new KeptCalls(aor, await page);
    await kept.#read();
    return kept;
  }

  /** Those that were kept before. */
  get all(): readonly SavedCall[] {
    return [...this.#calls.values()];
  }

  put(call: CallId, saved: SavedCall): void {
    this.#numbers.set(call, saved.callId);
    this.#calls.set(saved.callId, saved);
    this.#write();
  }

  /** The call is over. */
  remove(call: CallId): void {
    const callId = this.#numbers.get(call);
    this.#numbers.delete(call);
    if (callId !== undefined) this.drop(callId);
  }

  /** It is none of ours any more. */
  drop(callId: string): void {
    if (this.#calls.delete(callId)) this.#write();
  }

  clear(): void {
    this.#calls.clear();
    this.#write();
  }

  async #read(): Promise<void> {
    try {
      const stored = JSON.parse(storage()?.getItem(this.#key) ?? "null") as Stored | null;
      if (!stored || !Array.isArray(stored.calls)) return;
      const others = stored.page !== null && stored.page !== this.#page;
      if (others && !(await lockGoes(stored.page as string, PATIENCE))) return;
      for (const saved of stored.calls.slice(0, LIMIT)) this.#calls.set(saved.callId, saved);
    } catch {
      // Nothing that we wrote.
    }
  }

  #write(): void {
    try {
      if (this.#calls.size === 0) storage()?.removeItem(this.#key);
      else storage()?.setItem(this.#key, JSON.stringify({ page: this.#page, calls: this.all } satisfies Stored));
    } catch {
      // There is no room, or it is not allowed: the calls go on, but not beyond this page.
    }
  }
}

function storage(): Storage | undefined {
  return (globalThis as { sessionStorage?: Storage }).sessionStorage;
}
