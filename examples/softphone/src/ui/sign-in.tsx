import { type FormEvent, useEffect, useRef, useState } from "react";
import { type Account, accounts, forget, usualServer } from "../model/accounts.js";
import { useStore } from "../model/store.js";
import { Icon } from "./icons.js";

export interface Asked {
  account: Account;
  password: string;
  remember: boolean;
}

/** Who one is. The address of the page may fill it in. */
export function SignIn(props: { busy: boolean; error: string | null; wrongPassword: boolean; onSignIn: (asked: Asked) => void }) {
  const { busy, error, wrongPassword, onSignIn } = props;
  const query = useRef(new URLSearchParams(location.search)).current;
  const known = useStore(accounts);
  const first = known[0];
  const [aor, setAor] = useState(query.get("aor") ?? first?.aor ?? "");
  const [password, setPassword] = useState(query.get("password") ?? (query.has("aor") ? "" : (first?.password ?? "")));
  const [server, setServer] = useState(query.get("server") ?? first?.server ?? usualServer());
  const [displayName, setDisplayName] = useState(first?.displayName ?? "");
  const [voicemail, setVoicemail] = useState(first?.voicemail ?? "");
  const [remember, setRemember] = useState(first?.password != null);
  const aorField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);

  useEffect(() => (aor === "" ? aorField : passwordField).current?.focus(), []);
  useEffect(() => {
    if (error) (wrongPassword ? passwordField : aorField).current?.focus();
  }, [error, wrongPassword]);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSignIn({ account: { aor: aor.trim(), server: server.trim(), displayName: displayName.trim(), voicemail: voicemail.trim(), password: null }, password, remember });
  };
  const choose = (account: Account): void => {
    setAor(account.aor);
    setServer(account.server);
    setDisplayName(account.displayName);
    setVoicemail(account.voicemail);
    setPassword(account.password ?? "");
    setRemember(account.password !== null);
    passwordField.current?.focus();
  };

  return (
    <main className="sign-in">
      <form onSubmit={submit} aria-labelledby="sign-in-title">
        <div className="brand">
          <span className="logo">
            <Icon name="call" size={26} />
          </span>
          <div>
            <h1 id="sign-in-title">Sign in to your phone</h1>
            <p className="soft">Calls in this tab, over your own SIP server.</p>
          </div>
        </div>
        {known.length > 0 && (
          <ul className="accounts" aria-label="Accounts on this device">
            {known.map((account) => (
              <li key={account.aor}>
                <button type="button" className="quiet" aria-pressed={account.aor === aor} onClick={() => choose(account)}>
                  <Icon name="person" />
                  <span className="grow">{account.displayName || account.aor.replace(/^sips?:/, "")}</span>
                </button>
                <button type="button" className="quiet icon-only" aria-label={`Forget ${account.aor}`} onClick={() => forget(account)}>
                  <Icon name="trash" />
                </button>
              </li>
            ))}
          </ul>
        )}
        {error !== null && (
          <p className="banner bad" role="alert" data-testid="error">
            {error}
          </p>
        )}
        <label>
          <span>Address</span>
          <input ref={aorField} data-testid="aor" required autoComplete="username" autoCapitalize="none" spellCheck={false} placeholder="alice" value={aor} onChange={(event) => setAor(event.target.value)} />
        </label>
        <label>
          <span>Password</span>
          <input ref={passwordField} data-testid="password" type="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        <label className="check">
          <input type="checkbox" data-testid="remember" checked={remember} onChange={(event) => setRemember(event.target.checked)} />
          <span>
            Keep the password on this device
            <small>Whoever uses this browser can read it then.</small>
          </span>
        </label>
        <details>
          <summary>Server and more</summary>
          <label>
            <span>Server</span>
            <input data-testid="server" type="url" required autoCapitalize="none" spellCheck={false} value={server} onChange={(event) => setServer(event.target.value)} />
          </label>
          <label>
            <span>Your name, as others see it</span>
            <input autoComplete="name" value={displayName} onChange={(event) => setDisplayName(event.target.value)} />
          </label>
          <label>
            <span>Number of your voicemail</span>
            <input autoComplete="off" autoCapitalize="none" spellCheck={false} value={voicemail} onChange={(event) => setVoicemail(event.target.value)} />
          </label>
        </details>
        <button className="primary wide" data-testid="sign-in" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
