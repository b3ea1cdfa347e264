import { type Call, listDevices, UserAgent, watchDevices } from "offhook";

// #region video
export async function callWithVideo(ua: UserAgent, video: HTMLVideoElement): Promise<Call> {
  const call = await ua.call("bob", { video: true });
  // Mute the element: the sound plays by itself.
  call.on("media", () => (video.srcObject = call.remoteStream));
  return call;
}
// #endregion video

// #region change
export async function change(call: Call): Promise<void> {
  await call.addVideo(); // offers the camera in a call that had none
  await call.shareScreen(); // remoteScreen on the other side
  await call.stopScreen();
  await call.removeVideo();
  call.mute();
  call.unmute("audio");
}
// #endregion change

// #region devices
export async function useHeadset(call: Call): Promise<() => void> {
  const headset = (await listDevices()).find(({ kind, label }) => kind === "microphone" && /headset/i.test(label));
  if (headset) await call.replaceAudio(headset.id); // at once, with no word to the other side
  call.on("device", ({ kind, label }) => console.log(`${kind} unplugged, now: ${label ?? "none"}`));
  return watchDevices((devices) => console.log(devices.map(({ label }) => label)));
}
// #endregion devices

// #region options
export function connectThroughTurn(password: string, fetchTurn: () => Promise<RTCIceServer[]>): Promise<UserAgent> {
  return UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "wss://example.com/ws",
    password,
    media: {
      iceServers: fetchTurn, // asked for each call, so credentials may end
      codecs: { audio: ["opus", "PCMA"] },
      gatheringTimeout: 500,
      modify: (sdp, { from }) => (from === "local" ? sdp.replaceAll("useinbandfec=1", "useinbandfec=1;usedtx=1") : sdp),
    },
  });
}
// #endregion options

// #region data
export async function chat(call: Call): Promise<void> {
  const channel = await call.openDataChannel("chat");
  channel.onmessage = ({ data }) => console.log(data);
  channel.send("hello");
}
// #endregion data
