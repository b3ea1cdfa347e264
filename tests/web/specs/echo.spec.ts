import { expect, launchWithLoopback, test } from "../harness/test.js";

test("sound goes to the native echo agent and comes back", async ({ phone, echo }) => {
  const alice = await phone("alice");
  const mark = echo.mark;
  await alice.by("echo-button").click();
  const tone = alice.hearsTone(440);
  await alice.sees("established");
  await alice.hears();
  console.log(await tone);
  await alice.by("hangup").click();
  await alice.seesEnd("Call ended");
  const [, heard, sent] = await echo.hears(/^heard (\d+) packets, sent (\d+)$/, 5000, mark);
  expect(Number(heard)).toBeGreaterThan(25);
  expect(Number(sent)).toBeGreaterThan(25);
});
