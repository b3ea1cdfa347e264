import { join } from "node:path";
import { program, ROOT } from "./paths.js";
import { freePort } from "./ports.js";
import { Program } from "./programs.js";
import { serveSite } from "./site.js";

/** The SIP servers the tests run through. */
export type ServerName = "switchboard" | "kamailio";

/** A registrar and proxy with the users alice, bob, carol, dave and echo; USER's password is USER-secret. */
export interface SipServer {
  readonly name: ServerName;
  readonly domain: string;
  /** Where it speaks SIP over WebSocket. */
  readonly ws: string;
  /** Where the softphone is served, without a slash at the end. */
  readonly site: string;
  report(): string;
  stop(): Promise<void>;
  /** Ends it without a word to anybody. */
  kill?(): Promise<void>;
}

export function startServer(name: ServerName): Promise<SipServer> {
  return name === "kamailio" ? startKamailio() : startSwitchboard();
}

/** Offhook's own server, which also serves the softphone; on these ports and with this secret, if it is to come back. */
export async function startSwitchboard(fixed?: { http: number; udp: number; secret: string }): Promise<SipServer> {
  const domain = "offhook.test";
  const { udp = 0, http: port = 0 } = fixed ?? {};
  const args = ["--udp", `127.0.0.1:${udp}`, "--http", `127.0.0.1:${port}`, "--domain", domain, "--json"];
  if (fixed) args.push("--secret", fixed.secret);
  const running = await Program.start("switchboard", program("switchboard"), args, { cwd: ROOT, ready: /^\{.*"ws".*\}$/ });
  const { ws, http } = JSON.parse(running.ready[0] ?? "") as { ws: string; http: string };
  return {
    name: "switchboard",
    domain,
    ws,
    site: http.replace(/\/$/, ""),
    report: () => running.report(),
    stop: () => running.stop(),
    kill: () => running.stop("SIGKILL"),
  };
}

/** Kamailio; the softphone is served from here. */
async function startKamailio(): Promise<SipServer> {
  const [udp, ws] = [await freePort(), await freePort()];
  const script = join(ROOT, "tests/interop/kamailio/run.sh");
  const running = await Program.start("kamailio", script, [String(udp), String(ws)], { ready: /^ready$/ });
  const site = await serveSite();
  return {
    name: "kamailio",
    domain: "sip.test",
    ws: `ws://127.0.0.1:${ws}`,
    site: site.url,
    report: () => running.report(),
    stop: async () => {
      await site.close();
      await running.stop();
    },
  };
}

/** The native echo agent, registered at a server. */
export function startEcho(server: SipServer): Promise<Program> {
  const args = ["--aor", `sip:echo@${server.domain}`, "--server", server.ws];
  return Program.start("echo", program("echo"), args, {
    cwd: ROOT,
    env: { OFFHOOK_PASSWORD: "echo-secret" },
    ready: /^registered /,
  });
}
