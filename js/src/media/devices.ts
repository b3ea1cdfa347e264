/** A microphone, camera or speaker. */
export interface Device {
  kind: "microphone" | "camera" | "speaker";
  /** What `replaceAudio`, `addVideo` and `setSpeaker` take. Another one for each site. */
  id: string;
  /** Empty until the person has allowed the page a microphone or camera. */
  label: string;
  /** The same for devices of one piece, e.g. the microphone and the speaker of a headset. */
  group: string;
}

const KINDS = { audioinput: "microphone", videoinput: "camera", audiooutput: "speaker" } as const;

/** The devices there are; the usual one of a kind comes first. Asks the person nothing. */
export async function listDevices(): Promise<Device[]> {
  // Absent on pages that are not served over https, whatever the types say.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  const all = (await devices?.enumerateDevices()) ?? [];
  return all
    .filter(({ deviceId }) => deviceId !== "")
    .map(({ kind, deviceId, label, groupId }) => ({ kind: KINDS[kind], id: deviceId, label, group: groupId }));
}

/** Tells the devices now and whenever they change; returns the function that stops it. */
export function watchDevices(listener: (devices: Device[]) => void): () => void {
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  let watching = true;
  const tell = async (): Promise<void> => {
    const list = await listDevices();
    if (watching) listener(list);
  };
  const onChange = (): void => void tell();
  devices?.addEventListener("devicechange", onChange);
  onChange();
  return () => {
    watching = false;
    devices?.removeEventListener("devicechange", onChange);
  };
}
