import { kept } from "./store.js";

/** Who one can sign in as. The password is there only if the person asked for it to be kept. */
export interface Account {
  /** As it was typed: `alice`, or a whole address. */
  aor: string;
  server: string;
  displayName: string;
  /** Whom to call to hear messages. */
  voicemail: string;
  password: string | null;
}

/** The accounts of this browser, the one used last first. */
export const accounts = kept<Account[]>("offhook-phone-accounts", []);

export function remember(account: Account): void {
  accounts.set([account, ...accounts.value.filter(({ aor }) => aor !== account.aor)]);
}

export function forget(account: Account): void {
  accounts.set(accounts.value.filter(({ aor }) => aor !== account.aor));
}

/** `alice` is somebody of the server this page came from. */
export function addressOfRecord(typed: string): string {
  const address = typed.trim().replace(/^sips?:/i, "");
  return `sip:${address.includes("@") ? address : `${address}@${location.hostname}`}`;
}

/** Where this page's own server speaks SIP. */
export function usualServer(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
