/**
 * The same as `offhook`, with the WebAssembly module inside of the JavaScript: for single files, and where nothing can be
 * served beside a script. It weighs a third more than the two apart.
 *
 * @module
 */
import { wasm } from "./wasm-inline.js";
import { presetWasm } from "./wasm-source.js";

presetWasm(() => Uint8Array.from(atob(wasm), (char) => char.charCodeAt(0)));

export * from "./index.js";
