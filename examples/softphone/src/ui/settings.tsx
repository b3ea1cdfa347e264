import { useState } from "react";
import { askToNotify, canNotify } from "../model/notify.js";
import { type Settings, settings } from "../model/settings.js";
import { useStore } from "../model/store.js";
import type { Tones } from "../sound/tones.js";
import { AudioChoice } from "./audio.js";
import { useDesk } from "./context.js";

/** What this browser is set to. */
export function SettingsPanel({ tones, onSignOut }: { tones: Tones; onSignOut: () => void }) {
  const { talking } = useDesk();
  const chosen = useStore(settings);
  const [refused, setRefused] = useState(false);
  const notify = async (wanted: boolean): Promise<void> => {
    const allowed = !wanted || (await askToNotify());
    setRefused(!allowed);
    settings.update({ notify: wanted && allowed });
  };
  return (
    <section className="panel-body" aria-labelledby="settings-title">
      <h2 id="settings-title">Settings</h2>
      <fieldset>
        <legend>Audio</legend>
        <AudioChoice call={talking} />
        <label>
          <span>Loudness of the ring</span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            value={chosen.ringVolume}
            onChange={(event) => {
              const ringVolume = Number(event.target.value);
              settings.update({ ringVolume });
              tones.volume = ringVolume;
            }}
          />
        </label>
        <button type="button" className="quiet" onClick={() => tones.tryRing()}>
          Ring once
        </button>
      </fieldset>
      <fieldset>
        <legend>Calls</legend>
        <Check name="callWaiting" label="Let a second call wait" note="Otherwise you are busy. From the next sign-in." />
        <label className="check">
          <input type="checkbox" checked={chosen.notify} disabled={!canNotify} onChange={(event) => void notify(event.target.checked)} />
          <span>
            Tell me of calls while I look at another tab
            <small>{refused ? "The browser does not allow it: see its settings for this page." : "By a notification of the system."}</small>
          </span>
        </label>
        <Check name="shortcuts" label="Keys without Ctrl or Alt" note="M mutes, H holds, Enter answers, Esc hangs up; 0–9 * # are played to the call." />
      </fieldset>
      <fieldset>
        <legend>Others</legend>
        <label>
          <span>Who sees whether I am on the phone</span>
          <select value={chosen.presence} onChange={(event) => settings.update({ presence: event.target.value as Settings["presence"] })}>
            <option value="nobody">Nobody</option>
            <option value="contacts">My contacts</option>
            <option value="everybody">Everybody</option>
          </select>
        </label>
        <Check name="pickup" label="They may pick up my calls" note="Those that ring here and are not answered yet" />
      </fieldset>
      <fieldset>
        <legend>Looks</legend>
        <label>
          <span>Colours</span>
          <select data-testid="theme" value={chosen.theme} onChange={(event) => settings.update({ theme: event.target.value as Settings["theme"] })}>
            <option value="system">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
      </fieldset>
      <button type="button" className="wide" onClick={onSignOut}>
        Sign out
      </button>
    </section>
  );
}

function Check({ name, label, note }: { name: "callWaiting" | "shortcuts" | "pickup"; label: string; note: string }) {
  const chosen = useStore(settings);
  return (
    <label className="check">
      <input type="checkbox" checked={chosen[name]} onChange={(event) => settings.update({ [name]: event.target.checked })} />
      <span>
        {label}
        <small>{note}</small>
      </span>
    </label>
  );
}
