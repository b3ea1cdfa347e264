import { UserAgent } from "offhook";
import wasm from "offhook/wasm";
import { loadWasm } from "offhook/wasm-port";
import { callBob } from "./call-bob.js";

// esbuild does not follow `new URL(…, import.meta.url)`; its loader "file" gives the module's address.
await loadWasm(new URL(wasm, import.meta.url));
await callBob(UserAgent);
