import { expect, test } from "../harness/test.js";

test("sound that may not be played yet is told, and plays when the person touches the page", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  // What is run in a page from outside counts as a gesture, so the browser's policy is played: a click is needed.
  await bob.run(() => {
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException("", "NotAllowedError"));
    addEventListener("pointerdown", () => (HTMLMediaElement.prototype.play = play));
  });
  await alice.talksTo(bob);
  await bob.isTold("the browser will not play sound before you touch the page");
  const asked = await bob.run(() =>
    window.call.play().then(
      () => "played",
      ({ detail }: { detail: { problem?: string } }) => detail.problem,
    ),
  );
  expect(asked).toBe("playback");
  await bob.phone.page.waitForFunction(() => window.call.mediaState === "connected");
  await bob.run(() => void (window.told.length = 0));
  await bob.phone.page.mouse.click(10, 10);
  await bob.isTold("media connected");
  expect(await bob.run(() => window.told)).toEqual(["media connected"]);
  await bob.hears();
  await bob.run(() => window.call.play());
});
