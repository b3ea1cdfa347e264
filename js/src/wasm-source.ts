/** Where the WebAssembly module comes from when nobody says: a URL, or the bytes. */
export type WasmSource = URL | string | BufferSource | WebAssembly.Module;

let preset: (() => WasmSource) | null = null;

/** Sets where it comes from from now on; asked for when it is needed. */
export function presetWasm(source: () => WasmSource): void {
  preset = source;
}

/** What was set. */
export function presetSource(): WasmSource | null {
  return preset?.() ?? null;
}

/** As much of Node as is needed where it runs, without an import that bundlers for browsers would follow. */
interface Node {
  getBuiltinModule?(name: "node:fs/promises"): { readFile(url: URL): Promise<BufferSource> };
}

/** Node's `fetch` reads no files: it is given what is in the file. */
export async function readable(source: WasmSource): Promise<WasmSource> {
  const url = source instanceof URL ? source : typeof source === "string" && /^file:/i.test(source) ? new URL(source) : null;
  if (url?.protocol !== "file:") return source;
  const { process } = globalThis as { process?: Node };
  const files = process?.getBuiltinModule?.("node:fs/promises");
  return files ? files.readFile(url) : source;
}
