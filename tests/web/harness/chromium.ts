import { networkInterfaces } from "node:os";

/** Lets media use 127.0.0.1, which people's browsers do not. */
export const LOOPBACK = "--allow-loopback-in-peer-connection";

/** What Chromium is started with: a microphone that beeps, and nothing that speaks to the world. */
export const CHROMIUM = {
  executablePath: process.env["OFFHOOK_CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    // Where there is no network, loopback is all that media can use.
    ...(isOnline() ? [] : [LOOPBACK]),
  ],
};

function isOnline(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ internal, family }) => !internal && family === "IPv4"));
}
