import { kept, type Store } from "./store.js";

/** A call that is over. */
export interface Past {
  id: string;
  name: string;
  /** What calls them back. */
  uri: string;
  direction: "outgoing" | "incoming";
  /** When it began, in milliseconds since the Unix epoch. */
  at: number;
  /** How long it was talked, in milliseconds; null if it was not. */
  talked: number | null;
  /** Why it ended, in words. */
  end: string;
  missed: boolean;
  /** The mean opinion score of what was heard. */
  mos: number | null;
}

export interface History {
  calls: Past[];
  /** Missed calls that were not looked at. */
  unseen: number;
}

const MOST = 200;

/** The calls of an account, the newest first. */
export function historyOf(aor: string): Store<History> {
  return kept<History>(`offhook-phone-history ${aor}`, { calls: [], unseen: 0 });
}

export function addPast(history: Store<History>, past: Past): void {
  const { calls, unseen } = history.value;
  history.set({ calls: [past, ...calls].slice(0, MOST), unseen: unseen + (past.missed ? 1 : 0) });
}
