import init, { Agent, type InitOutput } from "../wasm/offhook_wasm.js";
import type { AgentPort } from "./agent-port.js";
import { OffhookError, toOffhookError } from "./errors.js";
import type { AgentConfig, Command, ErrorValue, Notification } from "./protocol.js";
import { presetSource, readable, type WasmSource } from "./wasm-source.js";

export type { WasmSource } from "./wasm-source.js";

let loading: Promise<unknown> | null = null;
let loaded: InitOutput | null = null;

/**
 * Loads the WebAssembly module, once. `UserAgent.connect` does it by itself; call it earlier to have it at hand, or with
 * a `source` (a URL, or the bytes) if it is not served beside this package.
 */
export async function loadWasm(
  source: WasmSource = presetSource() ?? new URL("../wasm/offhook_wasm_bg.wasm", import.meta.url),
): Promise<void> {
  loading ??= readable(source).then(async (source) => {
    loaded = await init({ module_or_path: source });
  });
  try {
    await loading;
  } catch (thrown) {
    loading = null;
    throw new OffhookError(
      { kind: "transport", message: "the WebAssembly module could not be loaded" },
      { cause: thrown },
    );
  }
}

/** @internal The module, once it is loaded. */
export function loadedWasm(): InitOutput | null {
  return loaded;
}

/** Opens a port to an agent that lives in this page. */
export async function openWasmPort(config: AgentConfig): Promise<AgentPort> {
  await loadWasm();
  return new WasmPort(config);
}

class WasmPort implements AgentPort {
  onNotification: (notification: Notification) => void = () => undefined;
  #agent: Agent | null;

  constructor(config: AgentConfig) {
    try {
      this.#agent = new Agent(JSON.stringify(config), (json: string) => this.#notify(json));
    } catch (thrown) {
      // What is thrown for a setting that cannot be used is an ErrorValue.
      throw typeof thrown === "string" ? new OffhookError(JSON.parse(thrown) as ErrorValue) : toOffhookError(thrown);
    }
  }

  send(command: Command): void {
    this.#agent?.send(JSON.stringify(command));
  }

  close(): void {
    const agent = this.#agent;
    this.#agent = null;
    // Not at once: this may run inside a notification, and so inside the agent.
    if (agent) queueMicrotask(() => agent.free());
  }

  #notify(json: string): void {
    if (this.#agent) this.onNotification(JSON.parse(json) as Notification);
  }
}
