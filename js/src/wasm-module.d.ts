/** The surface of `sip-wasm`, for where wasm-bindgen has not written its own declarations yet. */
declare module "*/offhook_wasm.js" {
  /** Takes an `AgentConfig` and `Command`s, gives `Notification`s (protocol.ts), all as JSON. */
  export class Agent {
    constructor(config: string, notify: (notification: string) => void);
    send(command: string): void;
    free(): void;
  }
  export default function init(options: {
    module_or_path: URL | string | BufferSource | WebAssembly.Module;
  }): Promise<unknown>;
}
