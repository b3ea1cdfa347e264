import { completeTarget } from "offhook";
import { kept, type Store } from "./store.js";

export interface Contact {
  name: string;
  /** As it is dialled. */
  address: string;
}

/** The contacts of an account. */
export function contactsOf(aor: string): Store<Contact[]> {
  return kept<Contact[]>(`offhook-phone-contacts ${aor}`, []);
}

/** Adds one, or gives the one with that address another name. */
export function addContact(contacts: Store<Contact[]>, contact: Contact): void {
  const others = contacts.value.filter(({ address }) => address !== contact.address);
  contacts.set([...others, contact].sort((a, b) => a.name.localeCompare(b.name)));
}

export function removeContact(contacts: Store<Contact[]>, address: string): void {
  contacts.set(contacts.value.filter((contact) => contact.address !== address));
}

/** The contact at that URI. */
export function findContact(contacts: readonly Contact[], uri: string, aor: string): Contact | undefined {
  const plain = bare(uri);
  return contacts.find(({ address }) => {
    try {
      return bare(completeTarget(address, aor)) === plain;
    } catch {
      return false;
    }
  });
}

function bare(uri: string): string {
  return uri.toLowerCase().replace(/^sips?:/, "").replace(/[;?].*$/, "");
}
