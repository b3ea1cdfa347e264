import { expect, test } from "../harness/test.js";

const REFUSED = /^Could not sign in: wrong user name or password for "\S+" \(401 Unauthorized\)\.$/;

test("a wrong password is told in words, and the right one is taken after it", async ({ open }) => {
  const alice = await open("alice");
  const started = Date.now();
  await alice.submit("not-the-password");
  await expect(alice.by("error")).toHaveText(REFUSED);
  expect(Date.now() - started).toBeLessThan(3000);
  await expect(alice.by("password")).toBeFocused();
  await expect(alice.by("transport-state")).toHaveAttribute("data-state", "none");
  await alice.signIn();
  await expect(alice.by("error")).toBeHidden();
});

test("somebody unknown is told the same", async ({ open }) => {
  const mallory = await open("mallory");
  await mallory.submit("mallory-secret");
  await expect(mallory.by("error")).toHaveText(REFUSED);
});
