// How much memory WebAssembly has: what was instantiated is remembered.

let memory = null;
for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const result = await original.apply(WebAssembly, args);
    memory = (result.instance ?? result).exports.memory ?? memory;
    return result;
  };
}

export const wasmBytes = () => memory?.buffer.byteLength ?? 0;
