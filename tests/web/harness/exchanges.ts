import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./paths.js";
import { freePort } from "./ports.js";
import { Program } from "./programs.js";
import type { SipServer } from "./servers.js";
import { serveSite } from "./site.js";

/** What people run behind their web phones. */
export type Exchange = "kamailio" | "asterisk";

/** One of them, with both kinds of WebSocket. */
export interface ExchangeServer {
  /** As seen over `ws:` or `wss:`. */
  over(transport: "ws" | "wss"): SipServer;
  stop(): Promise<void>;
}

/** Starts one; its certificate is good for nothing but `--ignore-certificate-errors`. */
export async function startExchange(name: Exchange): Promise<ExchangeServer> {
  const folder = mkdtempSync(join(tmpdir(), `offhook-${name}-`));
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=sip.test", "-addext", "subjectAltName=DNS:sip.test,IP:127.0.0.1"];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...request, "-keyout", key, "-out", certificate, ...subject], { stdio: "ignore" });

  const [sip, tls, ws, wss] = (await ports(4)) as [string, string, string, string];
  const args = name === "kamailio" ? [sip, ws, "full", tls, wss, certificate, key] : [sip, tls, ws, wss, certificate, key];
  const script = join(ROOT, `tests/interop/${name}/run.sh`);
  const running = await Program.start(name, script, args, { ready: /^ready$/ });
  // The page of a talker, which has nothing.
  const site = await serveSite({ "/healthz": join(ROOT, "tests/web/pages/empty") });
  // Asterisk has its WebSockets at a path.
  const path = name === "asterisk" ? "/ws" : "";
  const stop = async (): Promise<void> => {
    await site.close();
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    stop,
    over: (transport) => ({
      name: "kamailio",
      domain: "sip.test",
      ws: `${transport}://127.0.0.1:${transport === "ws" ? ws : wss}${path}`,
      site: site.url,
      report: () => running.report(),
      stop,
    }),
  };
}

/** Different ones. */
async function ports(count: number): Promise<string[]> {
  const found = new Set<string>();
  while (found.size < count) found.add(String(await freePort()));
  return [...found];
}
