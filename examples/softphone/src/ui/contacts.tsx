import { type FormEvent, useState } from "react";
import { completeTarget } from "offhook";
import { type DialogEntry, replacementOf } from "offhook/lines";
import { useDialogs, usePresence } from "offhook/react";
import { addContact, type Contact, removeContact } from "../model/contacts.js";
import { useStore } from "../model/store.js";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";
import { Avatar } from "./parts.js";

/** Who is not there now may be in a while. */
const WATCHING = { retry: 20_000 };

/** Whom one calls, and whether they are there. */
export function Contacts() {
  const { desk } = useDesk();
  const contacts = useStore(desk.contacts);
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState("");
  const [address, setAddress] = useState("");
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (address.trim() === "") return;
    addContact(desk.contacts, { name: name.trim() || address.trim(), address: address.trim() });
    setName("");
    setAddress("");
    setAdding(false);
  };
  return (
    <section className="panel-body" aria-labelledby="contacts-title">
      <div className="title">
        <h2 id="contacts-title">Contacts</h2>
        <button type="button" className="quiet" aria-expanded={adding} data-testid="add-contact" onClick={() => setAdding(!adding)}>
          <Icon name="add" /> Add
        </button>
      </div>
      {adding && (
        <form className="add" onSubmit={add} aria-label="New contact">
          <label>
            <span>Name</span>
            <input data-testid="contact-name" value={name} autoFocus onChange={(event) => setName(event.target.value)} />
          </label>
          <label>
            <span>Number or address</span>
            <input data-testid="contact-address" required autoCapitalize="none" spellCheck={false} value={address} onChange={(event) => setAddress(event.target.value)} />
          </label>
          <button className="primary" data-testid="save-contact">
            Save
          </button>
        </form>
      )}
      {contacts.length === 0 && !adding && (
        <p className="empty">Nobody yet. Add the people you call often: you see here whether they are there, and on the phone.</p>
      )}
      <ul className="rows" aria-label="People">
        {contacts.map((contact) => (
          <Row key={contact.address} contact={contact} />
        ))}
      </ul>
    </section>
  );
}

function Row({ contact }: { contact: Contact }) {
  const { desk, state } = useDesk();
  const presence = usePresence(desk.agent, contact.address, WATCHING);
  const { line, dialogs } = useDialogs(desk.agent, contact.address, WATCHING);
  const [kind, words] =
    line === "ringing"
      ? (["ringing", "Rings"] as const)
      : line === "busy" || line === "held" || presence?.activities.includes("on-the-phone")
        ? (["busy", line === "held" ? "On the phone, holding" : "On the phone"] as const)
        : presence === null && line === null
          ? (["unknown", "Not known"] as const)
          : presence?.basic === "closed" || presence?.activities.includes("away")
            ? (["away", presence.note ?? "Away"] as const)
            : (["open", presence?.note ?? "Available"] as const);
  const ringing = dialogs.find(({ state, direction }) => state === "early" && direction === "recipient");
  const replaces = ringing && replacementOf(ringing);
  return (
    <li data-testid="contact" data-presence={kind}>
      <span className="with-dot">
        <Avatar name={contact.name} />
        <span className={`dot ${kind}`} aria-hidden="true" />
      </span>
      <span className="grow">
        {contact.name}
        <small>{words}</small>
      </span>
      {ringing && replaces && (
        <button type="button" className="icon-only" aria-label={`Pick up the call for ${contact.name}`} onClick={() => void pickUp(ringing)}>
          <Icon name="pickup" />
        </button>
      )}
      <button type="button" className="icon-only call-one" aria-label={`Call ${contact.name}`} disabled={state.placing !== null} onClick={() => void desk.dial(contact.address)}>
        <Icon name="call" />
      </button>
      <button type="button" className="quiet icon-only" aria-label={`Remove ${contact.name}`} onClick={() => removeContact(desk.contacts, contact.address)}>
        <Icon name="trash" />
      </button>
    </li>
  );

  async function pickUp(dialog: DialogEntry): Promise<void> {
    const replaces = replacementOf(dialog);
    const other = dialog.remote.identity?.uri ?? completeTarget(contact.address, desk.agent.aor);
    if (replaces) await desk.dial(other, { replaces });
  }
}
