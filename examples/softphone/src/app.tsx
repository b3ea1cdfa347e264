/**
 * A telephone in a tab. The address may carry `?aor=…&password=…&server=…` to fill the form in, `&autoregister` to sign in at
 * once, and `&contacts=bob,carol` to have somebody to call, so that two tabs are two phones in no time.
 */
import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { type Call, OffhookError, type UserAgent } from "offhook";
import { type AgentOptions, useAgent } from "offhook/react";
import { loadWasm } from "offhook/wasm-port";
import wasm from "offhook/wasm";
import { accounts, addressOfRecord, remember, usualServer } from "./model/accounts.js";
import { addContact } from "./model/contacts.js";
import { Desk } from "./model/desk.js";
import { applyTheme } from "./model/settings.js";
import { problem } from "./model/words.js";
import { DeskContext } from "./ui/context.js";
import { TraceLog } from "./ui/ladder.js";
import { Shell, TRANSPORT } from "./ui/shell.js";
import { type Asked, SignIn } from "./ui/sign-in.js";

declare global {
  interface Window {
    /** For the console and for tests. */
    softphone: { readonly userAgent: UserAgent | null; readonly calls: readonly Call[] };
  }
}

const query = new URLSearchParams(location.search);
// While the form is filled in.
const loaded = loadWasm(new URL(wasm, import.meta.url));
loaded.catch(() => undefined);
applyTheme();

let shown: Desk | null = null;
window.softphone = {
  get userAgent() {
    return shown?.agent ?? null;
  },
  get calls() {
    return shown?.calls ?? [];
  },
};

/** Who is to be signed in without being asked: as the address says, or who was when the page was left. */
function atOnce(): Asked | null {
  const aor = query.get("aor");
  if (aor !== null) {
    if (!query.has("autoregister")) return null;
    const account = { aor, server: query.get("server") ?? usualServer(), displayName: "", voicemail: "", password: null };
    return { account, password: query.get("password") ?? "", remember: false };
  }
  const [last] = accounts.value;
  return last?.password != null && sessionStorage.getItem(SIGNED_IN) !== null
    ? { account: last, password: last.password, remember: true }
    : null;
}

const SIGNED_IN = "offhook-phone-signed-in";

function optionsOf({ account, password }: Asked): AgentOptions {
  return {
    aor: addressOfRecord(account.aor),
    server: account.server,
    ...(account.displayName === "" ? {} : { displayName: account.displayName }),
    ...(password === "" ? {} : { password }),
    packages: ["presence", "dialog"],
    keepCalls: true,
    trace: true,
  };
}

function App() {
  const [asked, setAsked] = useState<Asked | null>(atOnce);
  const [failure, setFailure] = useState<unknown>(null);
  const options = useMemo(() => asked && optionsOf(asked), [asked]);
  const { agent, registration, state, error } = useAgent(options);
  const [desk, setDesk] = useState<Desk | null>(null);
  const [messages, setMessages] = useState(() => new TraceLog());

  // From the first message on.
  useEffect(() => {
    if (!agent) return;
    const log = new TraceLog();
    setMessages(log);
    return log.follow(agent);
  }, [agent]);
  useEffect(() => {
    if (error && asked) {
      setFailure(error);
      setAsked(null);
    }
  }, [error, asked]);
  const registered = registration === "registered";
  useEffect(() => {
    if (!agent || !registered || !asked || desk?.agent === agent) return;
    if (query.get("aor") === null || !query.has("autoregister"))
      remember({ ...asked.account, password: asked.remember ? asked.password : null });
    sessionStorage.setItem(SIGNED_IN, "");
    setFailure(null);
    setDesk(new Desk(agent));
  }, [agent, registered, asked, desk]);
  useEffect(() => {
    shown = desk;
    if (!desk) return;
    for (const name of query.get("contacts")?.split(",").filter(Boolean) ?? [])
      if (addressOfRecord(name) !== desk.agent.aor) addContact(desk.contacts, { name, address: name });
    // What the page goes with is over, but for calls: they wait a moment for it to come back.
    const onHide = (): void => {
      if (desk.lines.calls.length === 0) void desk.agent.shutdown(200);
    };
    addEventListener("pagehide", onHide);
    return () => {
      removeEventListener("pagehide", onHide);
      desk.close();
    };
  }, [desk]);
  useEffect(() => {
    if (!agent) setDesk(null);
  }, [agent]);

  const signIn = (wanted: Asked): void => {
    setFailure(null);
    setAsked(wanted);
  };
  const signOut = (): void => {
    sessionStorage.removeItem(SIGNED_IN);
    setAsked(null);
  };

  if (desk && asked)
    return (
      <DeskContext value={desk}>
        <Shell voicemail={asked.account.voicemail} messages={messages} onSignOut={signOut} />
      </DeskContext>
    );
  const transport = asked ? (state ?? "connecting") : "none";
  return (
    <>
      <SignIn
        busy={asked !== null}
        error={failure === null ? null : problem("Could not sign in", failure)}
        wrongPassword={failure instanceof OffhookError && failure.kind === "authentication"}
        onSignIn={signIn}
      />
      <p className="lamp below" role="status" data-testid="transport-state" data-state={transport}>
        {TRANSPORT[transport]}
      </p>
    </>
  );
}

const place = document.getElementById("phone");
if (place)
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );


