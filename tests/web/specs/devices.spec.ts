import { CHROMIUM } from "../harness/chromium.js";
import { expect, test } from "../harness/test.js";

// Two of each kind.
const args = CHROMIUM.args.map((arg) => arg.replace(/^--use-fake-device-for-media-stream$/, "$&=device-count=2"));
test.use({ launchOptions: { ...CHROMIUM, args } });

test("devices are listed, and nobody is asked for one that is not needed", async ({ talker }) => {
  const alice = await talker("alice");
  const seen = await alice.run(async () => {
    const { listDevices, watchDevices } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    let told = 0;
    const stop = watchDevices(() => void told++);
    await listDevices();
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    await listDevices();
    stop();
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    const kinds = (await listDevices()).map(({ kind }) => kind);
    return { told, kinds: [...new Set(kinds)].sort(), captured: window.captured };
  });
  expect(seen).toEqual({ told: 2, kinds: ["camera", "microphone", "speaker"], captured: [] });
});

test("microphone, camera and speaker are changed with no word to the other side", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  const ids = await alice.run(async () => {
    const { listDevices } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    const devices = await listDevices();
    const of = (kind: string): string[] => devices.filter((device) => device.kind === kind).map(({ id }) => id);
    return { cameras: of("camera"), microphone: of("microphone").at(-1) ?? "", speaker: of("speaker").at(-1) ?? "" };
  });
  const [camera = "", other = ""] = ids.cameras;
  // Chromium's second fake camera sends nothing through a connection, so what is seen is the first.
  await alice.talksTo(bob, { video: other });
  await bob.hears();
  const invites = alice.phone.sent("INVITE");
  const labels = await alice.phone.page.evaluate(
    async ({ camera, microphone, speaker }) => {
      const before = window.call.localStream?.getTracks() ?? [];
      await window.call.replaceAudio(microphone);
      await window.call.addVideo(camera);
      await window.call.setSpeaker(speaker);
      const now = window.call.localStream?.getTracks() ?? [];
      const label = ({ label, readyState }: MediaStreamTrack): string => `${label} ${readyState}`;
      return [before, now].map((tracks) => tracks.map(label).sort());
    },
    { ...ids, camera },
  );
  expect(labels).toEqual([
    ["Fake Default Audio Input ended", "fake_device_1 ended"],
    ["Fake Audio Input 2 live", "fake_device_0 live"],
  ]);
  await Promise.all([bob.sees(), bob.hears(), alice.hears()]);
  expect(alice.phone.sent("INVITE")).toBe(invites);
});

test("another microphone takes over when one is unplugged; no camera does", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob, { video: true });
  await bob.hears();
  const invites = alice.phone.sent("INVITE");
  await alice.run(() => window.call.mute());
  await alice.unplug("audio");
  await alice.isTold("audio: Fake Default Audio Input");
  // Who was muted stays muted.
  await bob.phone.hearsNothing({ packets: true });
  await alice.run(() => window.call.unmute());
  await bob.hears();

  await alice.unplug("video");
  await alice.isTold("video: null");
  expect(await alice.run(() => window.captured)).toEqual(["audio,video", "audio"]);
  await alice.run(() => window.call.addVideo());
  await bob.sees();
  expect(alice.phone.sent("INVITE")).toBe(invites);
});

test("who is left without a microphone gets it back when there is one", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob);
  await bob.hears();
  await alice.run(() => {
    const { getUserMedia } = navigator.mediaDevices;
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
    navigator.mediaDevices.addEventListener("plugged", () => (navigator.mediaDevices.getUserMedia = getUserMedia));
  });
  await alice.unplug("audio");
  await alice.isTold("audio: null");
  await bob.phone.hearsNothing({ packets: true });
  // A hold in between asks the other side for nothing less.
  await alice.run(async () => {
    await window.call.hold();
    await window.call.resume();
    navigator.mediaDevices.dispatchEvent(new Event("plugged"));
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await alice.isTold("audio: Fake Default Audio Input");
  await bob.hears();
});

test("a track of the application's that ends is replaced by nothing", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob);
  await alice.run(async () => {
    const context = new AudioContext();
    const destination = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context);
    tone.connect(destination);
    tone.start();
    await window.call.replaceAudio(destination.stream);
  });
  await bob.hears();
  await alice.unplug("audio");
  await alice.isTold("audio: null");
  expect(await alice.run(() => window.captured)).toEqual(["audio"]);
});

test("the usual speaker takes over when the chosen one is unplugged", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob);
  const refused = await alice.run(async () => {
    const { listDevices } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    const refused = await window.call.setSpeaker("no such speaker").catch((error: Error) => error.message);
    const speakers = (await listDevices()).filter(({ kind }) => kind === "speaker");
    await window.call.setSpeaker(speakers.at(-1)?.id ?? "");
    const { mediaDevices } = navigator;
    mediaDevices.dispatchEvent(new Event("devicechange"));
    const all = await mediaDevices.enumerateDevices();
    mediaDevices.enumerateDevices = async () => all.filter(({ deviceId }) => deviceId !== speakers.at(-1)?.id);
    mediaDevices.dispatchEvent(new Event("devicechange"));
    return refused;
  });
  expect(refused).toBe("the chosen speaker was not found");
  await alice.isTold("speaker: ");
  expect(await alice.run(() => window.told.filter((told) => told.startsWith("speaker")))).toEqual(["speaker: "]);
  await alice.hears();
});
