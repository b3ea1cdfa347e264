// Gates what a browser loads of an app that registers, calls and hangs up: the wasm module and the bundled JavaScript,
// compressed as a server would (brotli, best quality). Fails if either is more than 1 % larger than tests/size/baseline.txt
// says; UPDATE=1 writes that anew. `scripts/build.sh wasm js` has been run before.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const root = new URL("../../", import.meta.url);
const { build } = createRequire(new URL("tests/web/package.json", root))("esbuild");
const baseline = new URL("baseline.txt", import.meta.url);
/** How much may be added before it must be said, as a share. */
const ROOM = 0.01;

const bundle = await build({
  entryPoints: [fileURLToPath(new URL("app.js", import.meta.url))],
  alias: { offhook: fileURLToPath(new URL("js/dist/index.js", root)) },
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  write: false,
});
const script = bundle.outputFiles[0].contents;
const wasm = await readFile(new URL("js/wasm/offhook_wasm_bg.wasm", root));
// The standard library as it is shipped is larger than one built for size, which needs its sources.
const std = process.env.OFFHOOK_WASM_SOURCES ? "" : "_shipped_std";
const sizes = {
  [`wasm${std}`]: brotliCompressSync(wasm).length,
  javascript: brotliCompressSync(script).length,
};

const known = new Map();
for (const line of (await readFile(baseline, "utf8")).split("\n")) {
  const [name, bytes] = line.split(" ");
  if (bytes) known.set(name, Number(bytes));
}

let failed = false;

// In the module Debug writes nothing (scripts/wasm-cargo): what an error says must not come from it.
const core = new URL("sip-core/src/", root);
for (const file of await readdir(core, { recursive: true })) {
  if (!file.endsWith(".rs")) continue;
  const text = await readFile(new URL(file, core), "utf8");
  for (const [attribute] of text.matchAll(/#\[error\([^\]]*:#?\?}[^\]]*\]/g)) {
    console.error(`sip-core/src/${file}: ${attribute} is empty in browsers: write it without {:?}`);
    failed = true;
  }
}
for (const [name, bytes] of Object.entries(sizes)) {
  const before = known.get(name);
  // Where nobody has measured yet, as with another standard library, there is nothing to compare with.
  const most = before === undefined ? Infinity : Math.floor(before * (1 + ROOM));
  const verdict = bytes <= most ? "ok" : "TOO LARGE";
  console.log(`${name}: ${bytes} bytes, baseline ${before ?? "unknown"} … ${verdict}`);
  if (bytes > most) failed = true;
  known.set(name, bytes);
}
const all = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
console.log(`together: ${all} bytes`);

if (process.env.UPDATE) {
  await writeFile(baseline, [...known].map(([name, bytes]) => `${name} ${bytes}\n`).join(""));
} else if (failed) {
  console.error("if what an app loads is worth having grown: UPDATE=1 node tests/size/gate.mjs");
  process.exit(1);
}
