import { type FormEvent, type RefObject, useState } from "react";
import { useStore } from "../model/store.js";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";

const KEYS: readonly (readonly [key: string, letters: string, testId: string])[] = [
  ["1", "", "key-1"],
  ["2", "ABC", "key-2"],
  ["3", "DEF", "key-3"],
  ["4", "GHI", "key-4"],
  ["5", "JKL", "key-5"],
  ["6", "MNO", "key-6"],
  ["7", "PQRS", "key-7"],
  ["8", "TUV", "key-8"],
  ["9", "WXYZ", "key-9"],
  ["*", "", "key-star"],
  ["0", "+", "key-0"],
  ["#", "", "key-hash"],
];

/** The twelve keys. */
export function Keys({ onKey }: { onKey: (key: string) => void }) {
  return (
    <div className="keys" role="group" aria-label="Keypad">
      {KEYS.map(([key, letters, testId]) => (
        <button key={key} type="button" data-testid={testId} onClick={() => onKey(key)}>
          <span>
            {key}
            {key === "*" && <span className="visually-hidden"> star</span>}
            {key === "#" && <span className="visually-hidden"> hash</span>}
          </span>
          <small>{letters}</small>
        </button>
      ))}
    </div>
  );
}

/** Whom to call. In a call the keys are played to it. */
export function Dialer({ field }: { field: RefObject<HTMLInputElement | null> }) {
  const { desk, state, talking } = useDesk();
  const contacts = useStore(desk.contacts);
  const { calls } = useStore(desk.history);
  const [typed, setTyped] = useState("");
  const busy = state.placing !== null;
  const dial = (event: FormEvent): void => {
    event.preventDefault();
    const target = typed.trim();
    if (target === "") return field.current?.focus();
    setTyped("");
    const contact = contacts.find(({ name }) => name.toLowerCase() === target.toLowerCase());
    void desk.dial(contact?.address ?? target);
  };
  const onKey = (key: string): void => {
    if (talking) void desk.sendKey(key);
    else setTyped((before) => before + key);
  };
  const last = calls.find(({ direction }) => direction === "outgoing");
  return (
    <section className="panel-body dialer" aria-labelledby="dialer-title">
      <h2 id="dialer-title">Keypad</h2>
      <form className="dial" onSubmit={dial}>
        <label>
          <span className="visually-hidden">Name, number or address</span>
          <input
            ref={field}
            data-testid="dial-input"
            list="known"
            placeholder="Name or number"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            enterKeyHint="go"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        {typed !== "" && (
          <button type="button" className="quiet icon-only" aria-label="Delete the last character" onClick={() => setTyped(typed.slice(0, -1))}>
            <Icon name="backspace" />
          </button>
        )}
        <datalist id="known">
          {contacts.map(({ name, address }) => (
            <option key={address} value={address}>
              {name}
            </option>
          ))}
        </datalist>
        <Keys onKey={onKey} />
        {talking && <p className="hint">The keys are played to the call.</p>}
        <button className="go wide" data-testid="call-button" disabled={busy}>
          <Icon name="call" /> Call
        </button>
      </form>
      <div className="quick">
        <button type="button" className="quiet" data-testid="echo-button" disabled={busy} onClick={() => void desk.dial("echo")}>
          <Icon name="echo" /> Echo test
        </button>
        {last && (
          <button type="button" className="quiet" disabled={busy} onClick={() => void desk.dial(last.uri)}>
            <Icon name="outgoing" /> Redial {last.name}
          </button>
        )}
      </div>
    </section>
  );
}
