import { useEffect, useRef, useState } from "react";
import type { Call } from "offhook";
import { useCall, useDuration, useLevel } from "offhook/react";
import { sendsVideo } from "../model/desk.js";
import { callEnd, callState, clock, mediaNote } from "../model/words.js";
import { AudioDialog } from "./audio.js";
import { useDesk } from "./context.js";
import { Keys } from "./keypad.js";
import { Avatar, Control, Modal } from "./parts.js";
import { Pictures, shows } from "./pictures.js";
import { Quality } from "./quality.js";
import { Recording } from "./recording.js";
import { TransferDialog } from "./transfer.js";

/** Phones cannot. */
const canShare = "getDisplayMedia" in (navigator.mediaDevices ?? {});

/** The call in front, with all that can be done with it; or the one that was there, and why it ended. */
export function CallCard({ call }: { call: Call | null }) {
  const { desk, state, view, talking } = useDesk();
  const { placing } = state;
  const { onHold, state: phase, remoteStream, remoteScreen, localScreen } = useCall(call);
  const duration = useDuration(call);
  const level = useLevel(phase === "established" && !placing ? remoteStream : null);
  const [open, setOpen] = useState<"transfer" | "audio" | "keypad" | null>(null);
  const section = useRef<HTMLElement>(null);
  const over = !placing && call?.state === "ended";
  const live = placing !== null || (call !== null && !over);
  const { conference } = view;
  const inConference = conference !== null && call !== null && conference.members.includes(call);
  const members = inConference ? conference.members : [];

  // The focus goes with the call: to it when it begins, back to the keypad when it is over.
  useEffect(() => {
    const active = document.activeElement;
    const idle = active === null || active === document.body || (active instanceof HTMLInputElement && active.value === "");
    if (live && (idle || active instanceof HTMLButtonElement) && !document.querySelector("dialog[open]")) section.current?.focus();
    if (!live && call && (idle || section.current?.contains(active))) document.querySelector<HTMLElement>("[data-testid=dial-input]")?.focus();
    if (!live) setOpen(null);
  }, [live]);

  if (!call && !placing) return null;
  const name = placing ? placing.target : call ? desk.nameOf(call) : "";
  const title = inConference ? members.map((member) => desk.nameOf(member)).join(", ") : name;
  const words = placing
    ? "Preparing the microphone…"
    : !call
      ? ""
      : over
        ? callEnd(call, state.over?.call === call ? state.over.end : null)
        : inConference && phase === "established" && !onHold.local
          ? `Conference of ${members.length + 1}${view.muted ? ", you are muted" : ""}`
          : callState(call, view.muted);
  const busy = !talking || placing !== null;
  const held = onHold.local;
  const waiting = view.others.filter(({ state }) => state === "established");
  const visible = phase === "established" && !placing && !inConference && !held && !onHold.remote;
  const seen = visible && (shows(remoteStream) || shows(remoteScreen));
  const note = call && !over && !placing ? mediaNote(call) : "";

  return (
    <section ref={section} className={`call ${over ? "over" : ""} ${held && !over ? "held" : ""}`} aria-label="Call" data-testid="call" tabIndex={-1}>
      <div className="who">
        {inConference ? (
          <div className="avatars">
            {members.map((member) => (
              <Avatar key={member.callId} name={desk.nameOf(member)} size="large" />
            ))}
          </div>
        ) : (
          !seen && <Avatar name={name} size="large" level={level} />
        )}
        {call && visible && <Pictures call={call} />}
        <p className="party" data-testid="remote-party">
          {title}
        </p>
        <p className="status">
          <span data-testid="call-state" data-state={placing ? "preparing" : (phase ?? "")} role="status">
            {words}
          </span>
          <span data-testid="call-timer" role="timer" aria-label="Duration">
            {duration === null || placing ? "" : clock(duration * 1000)}
          </span>
        </p>
        {call && phase === "established" && !placing && !held && !onHold.remote && <Quality call={call} />}
        {note !== "" && (
          <p className="banner warn" role="status" data-testid="media-note">
            {note}
          </p>
        )}
      </div>

      {inConference && (
        <ul className="members" aria-label="In the conference">
          {members.map((member) => (
            <Member key={member.callId} call={member} />
          ))}
        </ul>
      )}

      <Recording />

      <div className="controls" role="group" aria-label="Call controls" hidden={!live}>
        <Control icon={view.muted ? "mic-off" : "mic"} label={view.muted ? "Unmute" : "Mute"} testId="mute" pressed={view.muted} disabled={busy} onPress={() => desk.toggleMute()} />
        <Control icon={held ? "resume" : "hold"} label={held ? "Resume" : "Hold"} testId="hold" pressed={held} disabled={busy} onPress={() => void desk.toggleHold()} />
        <Control icon="keypad" label="Keypad" testId="open-keypad" disabled={busy} onPress={() => setOpen("keypad")} />
        <Control icon="transfer" label="Transfer" testId="open-transfer" disabled={busy || state.consultation !== null || inConference} onPress={() => setOpen("transfer")} />
        {waiting.length > 0 && <Control icon="merge" label="Merge" testId="merge" disabled={busy || state.consultation !== null} onPress={() => void desk.merge()} />}
        {inConference && call && <Control icon="split" label="Split" testId="split" disabled={busy} onPress={() => void desk.split(call)} />}
        {!inConference && <Control icon="camera" label="Video" testId="video" pressed={call !== null && sendsVideo(call)} disabled={busy || held} onPress={() => talking && void desk.toggleVideo(talking)} />}
        {!inConference && canShare && <Control icon="screen" label="Share" testId="share" pressed={localScreen !== null} disabled={busy || held} onPress={() => talking && void desk.toggleScreen(talking)} />}
        <Control icon="record" label="Record" testId="record" pressed={state.recorder !== null} disabled={busy} {...(state.recorder ? { tone: "alert" as const } : {})} onPress={() => void desk.toggleRecording()} />
        <Control icon="audio" label="Audio" testId="open-audio" onPress={() => setOpen("audio")} />
        <Control icon="hangup" label={inConference ? "End all" : "Hang up"} testId="hangup" tone="stop" onPress={() => void desk.hangup()} />
      </div>
      {over && call && (
        <div className="actions center">
          <button type="button" className="quiet" onClick={() => desk.dismiss()}>
            Close
          </button>
          <button type="button" className="go" onClick={() => void desk.dial(call.identity.shown.uri)}>
            Call again
          </button>
        </div>
      )}

      {open === "transfer" && talking && <TransferDialog call={talking} onClose={() => setOpen(null)} />}
      {open === "audio" && <AudioDialog call={talking} onClose={() => setOpen(null)} />}
      {open === "keypad" && talking && (
        <Modal title="Keypad" onClose={() => setOpen(null)}>
          <CallKeys />
        </Modal>
      )}
    </section>
  );
}

/** The keys, and which were played. */
function CallKeys() {
  const { desk } = useDesk();
  const [played, setPlayed] = useState("");
  const onKey = (key: string): void => {
    setPlayed((before) => before + key);
    void desk.sendKey(key);
  };
  return (
    <>
      <p className="played" data-testid="played">
        {played || <span className="soft">Played to the other side</span>}
      </p>
      <Keys onKey={onKey} />
    </>
  );
}

function Member({ call }: { call: Call }) {
  const { desk } = useDesk();
  const { remoteStream } = useCall(call);
  const level = useLevel(remoteStream);
  const name = desk.nameOf(call);
  return (
    <li>
      <span className="vu" aria-hidden="true">
        <span style={{ transform: `scaleY(${level})` }} />
      </span>
      <span className="grow">{name}</span>
      <button type="button" className="quiet" aria-label={`Talk alone to ${name}`} onClick={() => void desk.split(call)}>
        Talk alone
      </button>
      <button type="button" className="quiet" aria-label={`Hang up ${name}`} onClick={() => void desk.hangup(call)}>
        Hang up
      </button>
    </li>
  );
}

/** The calls behind the one in front. */
export function Others() {
  const { desk, view, state } = useDesk();
  const { others } = view;
  if (others.length === 0) return null;
  return (
    <ul className="others" aria-label="Other calls" data-testid="other-calls">
      {others.map((call) => (
        <Other key={call.callId} call={call} locked={state.consultation !== null} onSwitch={() => void desk.swap(call)} onHangup={() => void desk.hangup(call)} />
      ))}
    </ul>
  );
}

function Other({ call, locked, onSwitch, onHangup }: { call: Call; locked: boolean; onSwitch: () => void; onHangup: () => void }) {
  const { desk } = useDesk();
  const { state } = useCall(call);
  const duration = useDuration(call);
  const name = desk.nameOf(call);
  return (
    <li>
      <Avatar name={name} />
      <span className="grow">
        {name}
        <small>
          {callState(call, call.muted)}
          {duration === null ? "" : ` · ${clock(duration * 1000)}`}
        </small>
      </span>
      {state === "established" && !locked && (
        <button type="button" aria-label={`Switch: ${name}`} onClick={onSwitch}>
          Switch
        </button>
      )}
      <button type="button" className="quiet" aria-label={`Hang up: ${name}`} onClick={onHangup}>
        Hang up
      </button>
    </li>
  );
}
