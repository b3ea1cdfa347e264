import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/**
 * A port on 127.0.0.1 that is free for UDP and TCP, for a program that cannot choose for itself. It lies below the
 * range from which the system hands out ports, so nobody gets it by chance in the meantime.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if ((await freeForTcp(port)) && (await freeForUdp(port))) return port;
  }
  throw new Error("no free port was found");
}

function freeForTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function freeForUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(false));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
