import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "@playwright/test";
import { build } from "esbuild";
import webpack from "webpack";
import { installPackage } from "../harness/packed.js";
import { SNIPPETS } from "../harness/paths.js";
import { Phone } from "../harness/phone.js";
import type { SipServer } from "../harness/servers.js";
import { serveSite, type Site } from "../harness/site.js";
import { expect, test } from "../harness/test.js";

/** The package as it would be published, in somebody's project. */
let project: Awaited<ReturnType<typeof installPackage>>;
let site: Site;

test.beforeAll(async () => {
  project = await installPackage();
  site = await serveSite({ "/": project.folder });
});
test.afterAll(async () => {
  await site?.close();
  await project?.remove();
});

/** Opens a page of somebody's own that calls bob, who answers. */
async function callFrom(path: string, browser: Browser, server: SipServer, bob: Phone): Promise<void> {
  const caller = await Phone.visit(browser, { ...server, site: site.url }, "alice", path, { password: "alice-secret" });
  try {
    await bob.rings("alice");
    await bob.by("answer").click();
    await expect(caller.page).toHaveTitle("established");
    await Promise.all([caller.hears(), bob.hears()]);
    await bob.by("hangup").click();
    await expect(caller.page).toHaveTitle("over");
  } catch (thrown) {
    console.log(caller.report());
    throw thrown;
  } finally {
    await caller.context.close();
  }
}

test("a page without a bundler calls", async ({ phone, browser, server }) => {
  await callFrom("plain.html", browser, server, await phone("bob"));
});

test("a page bundled by esbuild calls", async ({ phone, browser, server }) => {
  await build({
    entryPoints: { main: join(project.folder, "main-esbuild.js") },
    outdir: join(project.folder, "bundle"),
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    loader: { ".wasm": "file" },
    logLevel: "error",
  });
  await callFrom("bundled.html", browser, server, await phone("bob"));
});

test("a page bundled by webpack calls, with nothing said about the wasm file", async ({ phone, browser, server }) => {
  const compiler = webpack({
    mode: "production",
    context: project.folder,
    entry: { main: "./main.js" },
    output: { path: join(project.folder, "bundle"), publicPath: "auto", module: true },
    experiments: { outputModule: true },
    performance: false,
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
  await callFrom("bundled.html", browser, server, await phone("bob"));
});

test("the example of README.md calls", async ({ phone, browser, server }) => {
  const example = await readFile(join(SNIPPETS, "first-call.js"), "utf8");
  const demo = "ws://127.0.0.1:8080/ws";
  expect(example).toContain(demo);
  const bob = await phone("bob");
  const page = await browser.newPage();
  try {
    await page.route("**/snippets/first-call.js", (route) =>
      route.fulfill({ contentType: "text/javascript", body: example.replace(demo, server.ws) }),
    );
    const said = page.waitForEvent("console");
    await page.goto(`${site.url}/first-call.html`);
    await bob.rings("alice");
    await bob.by("answer").click();
    expect((await said).text()).toBe(`talking to sip:bob@${server.domain}`);
    await bob.seesEnd("Call ended");
  } finally {
    await page.close();
  }
});
