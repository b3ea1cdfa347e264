/**
 * The file of a worker that agents live in: a dedicated one, or one that all tabs share. `host` in the options of
 * `UserAgent.connect` starts it; import it in a worker of your own to bundle it yourself.
 *
 * @module
 */
import { Hub } from "./host/hub.js";
import type { Channel, FromWorker, ToWorker } from "./host/messages.js";
import { openWasmPort } from "./wasm-port.js";

/** As much of a worker's global scope as is used. */
interface Scope extends Channel<FromWorker, ToWorker> {
  onconnect?: ((event: MessageEvent) => void) | null;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  close(): void;
}

const scope = globalThis as unknown as Scope;
const hub = new Hub(openWasmPort);

if ("onconnect" in scope) {
  scope.onconnect = ({ ports: [port] }) => {
    if (port) hub.connect(port);
  };
} else {
  hub.connect(scope);
}

// WebAssembly that has thrown cannot go on; its memory may be in any state.
scope.addEventListener("error", ({ error, message }) => {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  hub.crash(message);
  scope.close();
});
