// The part of `make bench` that runs in a browser: Offhook, JsSIP and SIP.js on the same work, in one Chromium.
//
//     node run.mjs --out FILE [--quick] [FIGURE...]      no figure: all of them
//
// The figures are written into FILE beside those that are in it, as tests/bench does.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { bundleSizes } from "./bundle.mjs";
import { openLab } from "./lab.mjs";
import { callCycle, heap, parse, ready } from "./figures.mjs";

const FIGURES = { bundle_brotli: bundleSizes, wasm_parse: parse, wasm_cycle: callCycle, wasm_heap: heap, wasm_ready: ready };

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const out = args[args.indexOf("--out") + 1];
const named = args.filter((arg) => arg in FIGURES);
const keys = named.length > 0 ? named : Object.keys(FIGURES);

await mkdir(dirname(out), { recursive: true });
const known = await readFile(out, "utf8").then(JSON.parse, () => ({}));
const lab = await openLab();
try {
  for (const key of keys) {
    console.error(`measuring ${key} …`);
    known[key] = await FIGURES[key](lab, quick);
  }
} finally {
  await lab.close();
}
await writeFile(out, `${JSON.stringify(known, null, 2)}\n`);
