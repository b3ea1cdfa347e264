// Bundles the phone into dist/: app.js with what it imports, the WebAssembly module beside it.
import { rm } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
await rm(new URL("dist/", here), { recursive: true, force: true });
await build({
  absWorkingDir: new URL(".", here).pathname,
  entryPoints: ["src/app.tsx"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  jsx: "automatic",
  loader: { ".wasm": "file" },
  assetNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  // The package is a link into this repository, and has a React of its own for its tests: there must be one.
  alias: { react: new URL("node_modules/react", here).pathname },
  logLevel: "warning",
});
