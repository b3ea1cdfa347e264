/** The WebAssembly module in Base64; `scripts/inline.mjs` writes it. */
export declare const wasm: string;
