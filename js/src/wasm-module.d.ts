/** The surface of `sip-wasm`, for where wasm-bindgen has not written its own declarations yet. */
declare module "*/offhook_wasm.js" {
  /** Takes an `AgentConfig` and `Command`s, gives `Notification`s (protocol.ts), all as JSON. */
  export class Agent {
    constructor(config: string, notify: (notification: string) => void);
    send(command: string): void;
    free(): void;
  }
  /** Finds the places of what is in a message (message.ts). */
  export class MessageReader {
    room(bytes: number): number;
    read(length: number, all: boolean): number;
    count(): number;
    other(index: number): string | undefined;
    problem(index: number): string | undefined;
    problemOffset(index: number): number;
    problemText(index: number): string | undefined;
  }
  /** What the module exports. */
  export interface InitOutput {
    readonly memory: WebAssembly.Memory;
  }
  export default function init(options: {
    module_or_path: URL | string | BufferSource | WebAssembly.Module;
  }): Promise<InitOutput>;
}
