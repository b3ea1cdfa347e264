// What somebody downloads for an app that registers, calls and hangs up.
import { readFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { bundle, WASM } from "./lab.mjs";

function weigh(files) {
  const sum = { raw: 0, gzip: 0, brotli: 0 };
  for (const bytes of files) {
    sum.raw += bytes.length;
    sum.gzip += gzipSync(bytes, { level: 9 }).length;
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    sum.brotli += brotliCompressSync(bytes, { params }).length;
  }
  return sum;
}

/** The chunks that are loaded: the entry, and what is imported when it runs in a page. */
async function loaded(name) {
  const { metafile, outputFiles } = await bundle([`app-${name}.js`], { minify: true, splitting: true });
  const text = (path) => outputFiles.find((file) => file.path.endsWith(path.replace(/^.*\//, "/"))).contents;
  const wanted = new Set();
  const follow = (path) => {
    if (wanted.has(path)) return;
    wanted.add(path);
    for (const { path: next, kind } of metafile.outputs[path].imports) {
      const { entryPoint = "", inputs } = metafile.outputs[next];
      const port = Object.keys(inputs).concat(entryPoint).some((input) => input.endsWith("/wasm-port.js"));
      if (kind === "import-statement" || port) follow(next);
    }
  };
  follow(Object.keys(metafile.outputs).find((path) => path.endsWith(`app-${name}.js`)));
  return [...wanted].map(text);
}

export async function bundleSizes() {
  const [js, wasm, jssip, sipjs] = [
    weigh(await loaded("offhook")),
    weigh([await readFile(WASM)]),
    weigh(await loaded("jssip")),
    weigh(await loaded("sipjs")),
  ];
  return {
    value: js.brotli + wasm.brotli,
    unit: "B",
    peers: { JsSIP: jssip.brotli, "SIP.js": sipjs.brotli },
    detail: { offhook: { js, wasm }, JsSIP: jssip, "SIP.js": sipjs },
  };
}
