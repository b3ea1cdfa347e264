import type { AgentPort } from "./agent-port.js";
import type { Host, WorkerSource } from "./host/worker-port.js";
import type { KeptCalls } from "./kept-calls.js";
import type { MediaHandlerFactory } from "./media/handler.js";
import { PeerConnectionMedia, type PeerConnectionOptions } from "./media/peer-connection.js";
import type { AgentConfig } from "./protocol.js";
import type { ConnectOptions } from "./user-agent-options.js";

const TRICKLE = "trickle-ice";

/** Loaded only when it is used: who brings a port of their own needs no WebAssembly. */
export async function openHost(config: AgentConfig, host: Host, worker: WorkerSource | undefined): Promise<AgentPort> {
  if (host === "page") {
    const { openWasmPort } = await import("./wasm-port.js");
    return openWasmPort(config);
  }
  const { workerPort } = await import("./host/worker-port.js");
  return workerPort(host, worker)(config);
}

/** Loaded only when it is used. */
export async function openKept(aor: string): Promise<KeptCalls> {
  const { KeptCalls } = await import("./kept-calls.js");
  return KeptCalls.open(aor);
}

/** The package of INFO that candidates go by. */
export function trickling({ trickle, media, infoPackages = [] }: ConnectOptions): Pick<AgentConfig, "infoPackages"> {
  const wanted = trickle ?? typeof media !== "function";
  return wanted && !infoPackages.includes(TRICKLE) ? { infoPackages: [...infoPackages, TRICKLE] } : {};
}

export function mediaFactory(media: PeerConnectionOptions | MediaHandlerFactory | undefined): MediaHandlerFactory {
  if (typeof media === "function") return media;
  return (request) => new PeerConnectionMedia(request, media);
}
