import { expect, test } from "../harness/test.js";

test("a call with video shows both sides, and lets go of the cameras", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.dial("bob", { video: true });
  await bob.rings();
  expect(await bob.run(() => window.call.offersVideo)).toBe(true);
  await bob.answer({ video: true });
  await Promise.all([alice.sees(), bob.sees(), alice.hears(), bob.hears()]);
  // One question for both.
  expect(await alice.run(() => window.captured)).toEqual(["audio,video"]);
  const kept = await alice.run(async () => {
    const tracks = window.call.localStream?.getTracks() ?? [];
    await window.call.hangup();
    return tracks.map(({ kind, readyState }) => `${kind} ${readyState}`).sort();
  });
  expect(kept).toEqual(["audio ended", "video ended"]);
});

test("video is added to a call and removed, by each side", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob);
  const invites = alice.phone.sent("INVITE");
  await alice.run(() => window.call.addVideo());
  await bob.sees();
  // Who is shown a picture opens no camera.
  expect(await bob.run(() => window.captured)).toEqual(["audio"]);
  await bob.run(() => window.call.addVideo());
  await alice.sees();

  const camera = await alice.run(async () => {
    const [track] = window.call.localStream?.getVideoTracks() ?? [];
    await window.call.removeVideo();
    return track?.readyState;
  });
  expect(camera).toBe("ended");
  expect(await bob.run(() => window.call.remoteStream?.getVideoTracks().length)).toBe(0);
  await Promise.all([alice.sees(), alice.hears(), bob.hears()]);
  await alice.run(() => window.call.addVideo());
  await bob.sees();
  expect(alice.phone.sent("INVITE")).toBe(invites + 3);
});

test("a picture is muted by itself, and held with the sound", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob, { video: true }, { video: true });
  await Promise.all([alice.sees(), bob.sees()]);
  await alice.run(() => window.call.mute("video"));
  expect(await alice.run(() => window.call.localStream?.getTracks().map(({ kind, enabled }) => `${kind} ${enabled}`).sort())).toEqual(
    ["audio true", "video false"],
  );
  await bob.hears();
  await alice.run(() => window.call.unmute("video"));
  await alice.run(() => window.call.hold());
  expect(await bob.run(() => window.call.onHold)).toEqual({ local: false, remote: true });
  await bob.phone.hearsNothing({ packets: true });
  await alice.run(() => window.call.resume());
  await Promise.all([alice.sees(), bob.sees(), alice.hears(), bob.hears()]);
});

test("the screen is shared beside the camera, until the person stops it in the browser", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob, { video: true });
  await bob.sees();
  await alice.run(() => window.call.shareScreen());
  await Promise.all([bob.sees("remoteScreen"), bob.sees("remoteStream")]);
  expect(await bob.run(() => window.call.remoteStream?.getVideoTracks().length)).toBe(1);

  await alice.run(() => {
    const [track] = window.call.localScreen?.getTracks() ?? [];
    track?.stop();
    track?.dispatchEvent(new Event("ended"));
  });
  await alice.isTold("screen: null");
  await bob.phone.page.waitForFunction(() => window.call.remoteScreen === null);
  await Promise.all([bob.sees(), bob.hears()]);
  // The other way, through the same media line.
  await bob.run(() => window.call.shareScreen());
  await alice.sees("remoteScreen");
  await bob.run(() => window.call.stopScreen());
  expect(await alice.run(() => window.call.remoteScreen)).toBe(null);
});

test("somebody who takes no video refuses it and nothing else", async ({ talker, echo }) => {
  expect(echo.mark).toBeGreaterThan(0);
  const alice = await talker("alice");
  await alice.dial("echo", { video: true });
  await alice.run(() => window.call.established);
  await alice.isTold("the other side does not take video");
  await alice.hears();
  expect(await alice.run(() => window.call.localStream?.getTracks().map(({ kind }) => kind))).toEqual(["audio"]);
  const refused = await alice.run(() =>
    window.call.addVideo().then(
      () => "taken",
      (error: Error) => error.message,
    ),
  );
  expect(refused).toBe("the other side does not take video");
  await alice.run(async () => {
    await window.call.hold();
    await window.call.resume();
  });
  await alice.hears();
});

test("a page that wants no video is sent none", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob", { receiveVideo: false })]);
  await alice.talksTo(bob, { video: true });
  await alice.isTold("the other side does not take video");
  await Promise.all([alice.hears(), bob.hears()]);
  expect(await bob.run(() => window.call.remoteStream?.getVideoTracks().length)).toBe(0);
});

test("a data channel carries messages beside the sound", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.talksTo(bob);
  const echoes = bob.run(
    () =>
      new Promise<void>((resolve) =>
        window.call.on("datachannel", ({ channel }) => {
          channel.onmessage = ({ data }) => channel.send(`${channel.label}: ${data}`);
          resolve();
        }),
      ),
  );
  const said = await alice.run(async () => {
    const channel = await window.call.openDataChannel("chat");
    const said = new Promise<string>((resolve) => (channel.onmessage = ({ data }) => resolve(data as string)));
    channel.send("hello");
    return said;
  });
  await echoes;
  expect(said).toBe("chat: hello");
  // The next one needs no offer.
  const invites = alice.phone.sent("INVITE");
  expect(await alice.run(async () => (await window.call.openDataChannel("files")).readyState)).toBe("open");
  expect(alice.phone.sent("INVITE")).toBe(invites);
  await Promise.all([alice.hears(), bob.hears()]);
});
