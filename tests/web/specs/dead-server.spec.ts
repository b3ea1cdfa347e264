import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../harness/ports.js";
import { expect, test } from "../harness/test.js";

/** What `UserAgent.connect` promises if it is not told otherwise, and what a busy machine may add. */
const CONNECT_TIMEOUT = 8000;
const MARGIN = 2000;

let silent: Server;
const connections = new Set<Socket>();

test.beforeAll(async () => {
  silent = createServer((socket) => {
    connections.add(socket);
    socket.on("error", () => undefined).resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});

test.afterAll(async () => {
  for (const socket of connections) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test("a port where nobody listens is told in words, within the time for connecting", async ({ open }) => {
  const alice = await open("alice");
  const server = `ws://127.0.0.1:${await freePort()}/ws`;
  await alice.page.getByText("Server and more").click();
  await alice.by("server").fill(server);
  const started = Date.now();
  await alice.submit("alice-secret");
  await expect(alice.by("error")).toHaveText(
    `Could not sign in: no connection to ${server}: nobody there speaks WebSocket.`,
  );
  expect(Date.now() - started).toBeLessThan(CONNECT_TIMEOUT + MARGIN);
  await expect(alice.by("sign-in")).toBeEnabled();
});

test("a server that is silent is told in words when the time for connecting is over", async ({ open }) => {
  const alice = await open("alice");
  const server = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/ws`;
  await alice.page.getByText("Server and more").click();
  await alice.by("server").fill(server);
  const started = Date.now();
  await alice.submit("alice-secret");
  await expect(alice.by("error")).toHaveText(`Could not sign in: no connection to ${server} within 8 s.`);
  const took = Date.now() - started;
  expect(took).toBeGreaterThan(CONNECT_TIMEOUT - 500);
  expect(took).toBeLessThan(CONNECT_TIMEOUT + MARGIN);
});
