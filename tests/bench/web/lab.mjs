// Bundles, served on the loopback, and a Chromium that runs them.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const JS = at("../../../js");
export const WASM = at("../../../js/wasm/offhook_wasm_bg.wasm");

/** The package is found as if it were installed: by its exports. */
const ALIAS = { offhook: `${JS}/dist/index.js`, "offhook/message": `${JS}/dist/message.js` };

export function bundle(pages, more) {
  return build({
    entryPoints: pages.map((page) => at(`pages/${page}`)),
    outdir: at("dist"),
    alias: ALIAS,
    bundle: true,
    format: "esm",
    target: "es2022",
    define: { "process.env.NODE_ENV": '"production"' },
    metafile: true,
    write: false,
    logLevel: "error",
    ...more,
  });
}

/** Who is measured, in the order of their turns. */
export const SUBJECTS = { Offhook: "offhook", JsSIP: "jssip", "SIP.js": "sipjs" };

export async function openLab() {
  const { outputFiles } = await bundle(Object.values(SUBJECTS).map((name) => `${name}.js`), { minify: true });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.replace(/^.*\//, "/"), contents]));
  files.set("/offhook.wasm", await readFile(WASM));
  const server = createServer(({ url = "/" }, response) => {
    const [, name] = /^\/page\/(\w+)$/.exec(url) ?? [];
    const file = files.get(url);
    const type = url.endsWith(".wasm") ? "application/wasm" : url.endsWith(".js") ? "text/javascript" : "text/html";
    // Kept, so that what comes a second time is warm.
    response.writeHead(name || file ? 200 : 404, { "content-type": type, "cache-control": "max-age=3600" });
    response.end(name ? `<!doctype html><meta charset=utf-8><script type=module src="/${name}.js"></script>` : file);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const site = `http://127.0.0.1:${server.address().port}`;
  const browser = await chromium.launch({
    executablePath: process.env.OFFHOOK_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext();
  return {
    /** A page of its own for somebody; `work` is done in it, and told is the time its thread has spent, in ms. */
    async open(name) {
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`${name}: ${error.stack}`));
      const devtools = await context.newCDPSession(page);
      await devtools.send("Performance.enable");
      await page.goto(`${site}/page/${name}`);
      await page.waitForFunction(() => globalThis.subject);
      const spent = async () => {
        const { metrics } = await devtools.send("Performance.getMetrics");
        return 1000 * metrics.find(({ name }) => name === "ThreadTime").value;
      };
      return {
        evaluate: (what, argument) => page.evaluate(what, argument),
        async work(what, argument) {
          const before = await spent();
          const started = performance.now();
          await page.evaluate(what, argument);
          return { cpu: (await spent()) - before, wall: performance.now() - started };
        },
        /** Bytes in use after everything that can be let go was. */
        async heap() {
          for (let turn = 0; turn < 3; turn++) await devtools.send("HeapProfiler.collectGarbage");
          const { usedSize } = await devtools.send("Runtime.getHeapUsage");
          return usedSize + (await page.evaluate(() => globalThis.subject.wasmBytes()));
        },
        close: () => page.close(),
      };
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
