// Writes the WebAssembly module as JavaScript, for the entry `offhook/inline`. Run by `npm run build`.
import { readFile, writeFile } from "node:fs/promises";

const dist = new URL("../dist/", import.meta.url);
const bytes = await readFile(new URL("../wasm/offhook_wasm_bg.wasm", import.meta.url));
await writeFile(new URL("wasm-inline.js", dist), `export const wasm = "${bytes.toString("base64")}";\n`);
await writeFile(new URL("wasm-inline.d.ts", dist), "export declare const wasm: string;\n");
