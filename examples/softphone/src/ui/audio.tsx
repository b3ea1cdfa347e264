import { useEffect, useState } from "react";
import type { Call, Device } from "offhook";
import { useCall, useDevices, useLevel } from "offhook/react";
import { settings } from "../model/settings.js";
import { useStore } from "../model/store.js";
import { useDesk } from "./context.js";
import { Meter, Modal } from "./parts.js";

/** Which microphone and speaker, and how loud they are. Without a call the microphone is opened to be tried. */
export function AudioChoice({ call }: { call: Call | null }) {
  const { desk } = useDesk();
  const devices = useDevices();
  const { microphone, speaker } = useStore(settings);
  const { localStream, remoteStream } = useCall(call);
  const [trying, setTrying] = useState<MediaStream | null>(null);
  const spoken = useLevel(call ? localStream : trying);
  const heard = useLevel(call ? remoteStream : null);

  const stop = (stream: MediaStream | null): void => stream?.getTracks().forEach((track) => track.stop());
  useEffect(() => () => stop(trying), [trying]);
  const tryMicrophone = async (id: string): Promise<void> => {
    try {
      setTrying(await navigator.mediaDevices.getUserMedia({ audio: id ? { deviceId: { exact: id } } : true }));
    } catch {
      setTrying(null);
    }
  };
  return (
    <div className="devices">
      <Choice
        label="Microphone"
        testId="microphone"
        devices={devices.filter(({ kind }) => kind === "microphone")}
        value={microphone}
        onChange={(id) => {
          void desk.useMicrophone(id);
          if (trying) void tryMicrophone(id);
        }}
      />
      <Meter label="Level of the microphone" level={spoken} />
      {!call && (
        <button type="button" className="quiet" onClick={() => (trying ? setTrying(null) : void tryMicrophone(microphone))}>
          {trying ? "Stop the test" : "Test the microphone"}
        </button>
      )}
      <Choice label="Speaker" testId="speaker" devices={devices.filter(({ kind }) => kind === "speaker")} value={speaker} onChange={(id) => void desk.useSpeaker(id)} />
      {call && <Meter label="Level of what you hear" level={heard} />}
    </div>
  );
}

function Choice(props: { label: string; testId: string; devices: Device[]; value: string; onChange: (id: string) => void }) {
  const { label, testId, devices, value, onChange } = props;
  const named = devices.filter(({ id }) => id !== "default");
  return (
    <label>
      <span>{label}</span>
      <select data-testid={testId} value={named.some(({ id }) => id === value) ? value : ""} onChange={(event) => onChange(event.target.value)}>
        <option value="">The usual one</option>
        {named.map(({ id, label: name }, index) => (
          <option key={id} value={id}>
            {name || `${label} ${index + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}

export function AudioDialog({ call, onClose }: { call: Call | null; onClose: () => void }) {
  return (
    <Modal title="Audio" onClose={onClose}>
      <AudioChoice call={call} />
    </Modal>
  );
}
