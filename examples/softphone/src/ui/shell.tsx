import { useEffect, useRef, useState } from "react";
import type { RegistrationState, UserAgentState } from "offhook";
import { useAgentState, useMessages } from "offhook/react";
import type { Desk } from "../model/desk.js";
import { settings, type Status } from "../model/settings.js";
import { useStore } from "../model/store.js";
import { Tones } from "../sound/tones.js";
import { CallCard, Others } from "./call-card.js";
import { Contacts } from "./contacts.js";
import { useDesk } from "./context.js";
import { HistoryPanel } from "./history.js";
import { Icon, type IconName } from "./icons.js";
import { Incoming } from "./incoming.js";
import { Dialer } from "./keypad.js";
import { useShortcuts } from "./keys.js";
import { Ladder, type TraceLog } from "./ladder.js";
import { SettingsPanel } from "./settings.js";
import { ConsultationBar } from "./transfer.js";

export const TRANSPORT: Record<UserAgentState | "none", string> = {
  none: "Not connected",
  connecting: "Connecting…",
  connected: "Connected",
  disconnected: "Connection lost, reconnecting…",
  stopped: "Not connected",
};

const REGISTRATION: Record<RegistrationState, string> = {
  registering: "Registering…",
  registered: "Registered",
  unregistered: "Not registered",
  failed: "Registration failed",
};

type Tab = "keypad" | "contacts" | "history" | "settings";

const TABS: readonly (readonly [Tab, string, IconName])[] = [
  ["keypad", "Keypad", "keypad"],
  ["contacts", "Contacts", "contacts"],
  ["history", "Recent", "history"],
  ["settings", "Settings", "settings"],
];

const tones = new Tones();

/** Everything one sees when signed in. */
export function Shell({ voicemail, messages, onSignOut }: { voicemail: string; messages: TraceLog; onSignOut: () => void }) {
  const { desk, state, view, front } = useDesk();
  const [tab, setTab] = useState<Tab>("keypad");
  // On a phone's screen there is room for one: the call, or what lies behind it.
  const [behind, setBehind] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const { unseen } = useStore(desk.history);
  const { ringVolume } = useStore(settings);
  useShortcuts(desk);

  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    tones.volume = ringVolume;
  }, [ringVolume]);
  const sound = soundOf(desk);
  useEffect(() => tones.play(sound), [sound]);
  useEffect(() => () => tones.play(null), []);
  const ringing = view.ringing[0];
  useEffect(() => {
    document.title = ringing ? `☎ ${desk.nameOf(ringing)} is calling` : front && front.state !== "ended" ? `${desk.nameOf(front)} – phone` : "Phone";
  }, [ringing, front, desk]);

  const onStage = state.placing !== null || front !== null;
  useEffect(() => setBehind(false), [front, state.placing]);
  return (
    <div className={`shell ${onStage ? "in-call" : ""} ${behind ? "behind" : ""}`}>
      <a className="skip" href="#stage">
        Skip to the call
      </a>
      <header className="bar">
        <h1 className="visually-hidden">Phone</h1>
        <Identity desk={desk} />
        <StatusChoice />
        {voicemail !== "" && <Voicemail desk={desk} number={voicemail} />}
        <Lamps desk={desk} />
        <button type="button" className="quiet" data-testid="sign-out" onClick={onSignOut}>
          <Icon name="out" /> <span className="wide-only">Sign out</span>
        </button>
      </header>
      <nav aria-label="Sections">
        {TABS.map(([id, label, icon]) => (
          <button
            key={id}
            type="button"
            data-testid={`tab-${id}`}
            aria-current={tab === id ? "page" : undefined}
            onClick={() => {
              setTab(id);
              setBehind(true);
            }}
          >
            <span className="pill">
              <Icon name={icon} size={22} />
              {id === "history" && unseen > 0 && <span className="badge">{unseen}</span>}
            </span>
            <span>
              {label}
              {id === "history" && unseen > 0 && <span className="visually-hidden">, {unseen} missed</span>}
            </span>
          </button>
        ))}
      </nav>
      <main>
        <section className="alerts" aria-label="Messages">
          {state.error !== null && (
            <div className="banner bad">
              <p className="grow" role="alert" data-testid="error">
                {state.error}
              </p>
              <button type="button" className="quiet icon-only" aria-label="Put the message away" onClick={() => desk.dismiss()}>
                <Icon name="close" />
              </button>
            </div>
          )}
          {state.done !== null && (
            <p className="banner good" role="status" data-testid="done">
              {state.done}
            </p>
          )}
          <Incoming calls={view.ringing} />
          <ConsultationBar />
          {onStage && behind && front?.state !== "ended" && (
            <button type="button" className="return" onClick={() => setBehind(false)}>
              <Icon name="call" /> Back to the call
            </button>
          )}
        </section>
        <div className="panel">
          {tab === "keypad" && <Dialer field={field} />}
          {tab === "contacts" && <Contacts />}
          {tab === "history" && <HistoryPanel />}
          {tab === "settings" && <SettingsPanel tones={tones} onSignOut={onSignOut} />}
        </div>
        <section id="stage" className="stage" aria-label="Calls" tabIndex={-1}>
          <CallCard call={front} />
          <Others />
          {!onStage && !ringing && <Idle />}
          <Ladder messages={messages} />
        </section>
      </main>
    </div>
  );
}

/** What should be heard now. */
function soundOf({ lines, agent }: Desk): "ring" | "waiting" | "ringback" | null {
  if (agent.state === "stopped") return null;
  const { current, ringing } = lines;
  if (ringing.length > 0) return current?.state === "established" ? "waiting" : "ring";
  // With early media the other side plays its own.
  return current?.direction === "outgoing" && current.state === "ringing" && current.remoteStream === null ? "ringback" : null;
}

function Idle() {
  const { shortcuts } = useStore(settings);
  return (
    <div className="idle">
      <span className="logo large">
        <Icon name="call" size={40} />
      </span>
      <p>Ready for calls</p>
      <p className="soft">
        {shortcuts ? (
          <>
            <kbd>Enter</kbd> calls or answers, <kbd>Esc</kbd> hangs up or declines
          </>
        ) : (
          "Dial a number, or wait for somebody to call."
        )}
      </p>
    </div>
  );
}

function Identity({ desk }: { desk: Desk }) {
  const who = desk.agent.aor.replace(/^sips?:/, "");
  return (
    <span className="identity">
      <span className="logo">
        <Icon name="call" size={18} />
      </span>
      <span className="aor">{who}</span>
    </span>
  );
}

function StatusChoice() {
  const { status } = useStore(settings);
  return (
    <label className={`status-choice ${status}`}>
      <span className="visually-hidden">My status</span>
      <select data-testid="status" value={status} onChange={(event) => settings.update({ status: event.target.value as Status })}>
        <option value="available">Available</option>
        <option value="away">Away</option>
        <option value="dnd">Do not disturb</option>
      </select>
    </label>
  );
}

function Voicemail({ desk, number }: { desk: Desk; number: string }) {
  const summary = useMessages(desk.agent);
  const fresh = summary?.counts.reduce((total, counts) => total + counts.new, 0) ?? 0;
  return (
    <button type="button" className="quiet" data-testid="voicemail" onClick={() => void desk.dial(number)}>
      <Icon name="voicemail" />
      <span className="wide-only">Voicemail</span>
      {(fresh > 0 || summary?.waiting) && <span className="badge inline">{fresh || "new"}</span>}
    </button>
  );
}

function Lamps({ desk }: { desk: Desk }) {
  const { state, registration } = useAgentState(desk.agent);
  return (
    <ul className="lamps" aria-label="Connection" aria-live="polite">
      <li data-testid="transport-state" data-state={state ?? "none"} className="lamp">
        {TRANSPORT[state ?? "none"]}
      </li>
      <li data-testid="registration-state" data-state={registration} className="lamp">
        {REGISTRATION[registration]}
      </li>
    </ul>
  );
}
