import { join } from "node:path";
import { build } from "esbuild";
import { createProject, type Project, readmeExample, withAccount } from "../harness/projects.js";
import { Phone } from "../harness/phone.js";
import { Program } from "../harness/programs.js";
import { serveSite } from "../harness/site.js";
import { expect, test as base } from "../harness/test.js";

/** What is strict in a new project. */
const STRICT = { strict: true, target: "ES2022", module: "ESNext", moduleResolution: "Bundler", skipLibCheck: false };

const test = base.extend<{ project: (files: Record<string, string>, packages: string[]) => Promise<Project> }>({
  project: async ({}, use) => {
    const made: Project[] = [];
    await use(async (files, packages) => {
      const project = await createProject(files, packages);
      made.push(project);
      return project;
    });
    for (const project of made) await project.remove();
  },
});

test("the README's example in an empty Vite and TypeScript project", async ({ project, phone, browser, server }) => {
  const { folder, run } = await project(
    {
      "index.html": '<!doctype html><title>vite</title><script type="module" src="/src/main.ts"></script>',
      "src/main.ts": withAccount(await readmeExample(), "alice", server),
      "tsconfig.json": JSON.stringify({
        compilerOptions: { ...STRICT, lib: ["ES2022", "DOM", "DOM.Iterable"], types: [], noEmit: true },
        include: ["src"],
      }),
      "vite.config.js": "export default { build: { target: 'es2022' }, logLevel: 'warn' };",
    },
    ["vite", "typescript"],
  );
  await run("typescript/bin/tsc", "--project", ".");
  await run("vite/bin/vite.js", "build");
  const site = await serveSite({ "/": join(folder, "dist") });
  const bob = await phone("bob");
  const page = await browser.newPage();
  try {
    const told: string[] = [];
    page.on("console", (message) => told.push(message.text()));
    await page.goto(`${site.url}/index.html`);
    await bob.rings("alice");
    await bob.by("answer").click();
    // It holds and hangs up at once.
    await bob.seesEnd("Call ended");
    expect(told.some((line) => line.startsWith("established"))).toBe(true);
  } finally {
    await page.close();
    await site.close();
  }
});

for (const { name, args } of [
  { name: "Node with ws", args: [] },
  // The same as Node 22's own.
  { name: "Node with a WebSocket of its own", args: ["--experimental-websocket"] },
]) {
  test(`the README's example in an empty project for ${name}`, async ({ project, server }) => {
    const example = await readmeExample("In Node");
    const { folder, run } = await project(
      {
        "alice.ts": withAccount(example, "alice", server),
        // The same example, answering.
        "bob.ts": withAccount(example, "bob", server).replace(
          /\nconst call = [\s\S]*/,
          '\nconsole.log("ready");\nfor await (const call of ua.incoming) await call.answer();\n',
        ),
        "tsconfig.json": JSON.stringify({
          compilerOptions: { ...STRICT, lib: ["ES2022", "DOM", "DOM.Iterable"], types: ["node"], outDir: "built" },
          include: ["*.ts"],
        }),
      },
      ["typescript", "ws", "@types/ws", "@types/node", "undici-types"],
    );
    await run("typescript/bin/tsc", "--project", ".");
    const node = (script: string, ready: RegExp): Promise<Program> =>
      Program.start(script, process.execPath, [...args, script], { cwd: join(folder, "built"), ready });
    const bob = await node("bob.js", /^ready$/);
    try {
      const alice = await node("alice.js", /^talking to sip:bob@/);
      await alice.hears(/^over: 200/, 5000);
      // Nothing keeps the process alive.
      await alice.hears(/\(ended: status 0\)/, 5000);
    } finally {
      await bob.stop();
    }
  });
}

test("the entry with the module inlined is one file that needs nothing beside it", async ({ project, phone, browser, server }) => {
  const { folder } = await project({}, []);
  await build({
    entryPoints: { main: join(folder, "main-inline.js") },
    outdir: join(folder, "alone/bundle"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  const site = await serveSite({ "/": join(folder, "alone"), "/page/": folder });
  const bob = await phone("bob");
  const at = { ...server, site: site.url };
  const caller = await Phone.visit(browser, at, "alice", "page/bundled.html", { password: "alice-secret" });
  try {
    await bob.rings("alice");
    await bob.by("answer").click();
    await expect(caller.page).toHaveTitle("established");
    await Promise.all([caller.hears(), bob.hears()]);
    await bob.by("hangup").click();
    await expect(caller.page).toHaveTitle("over");
  } finally {
    await caller.context.close();
    await site.close();
  }
});

test("a page with the content security policy of the README calls", async ({ project, phone, browser, server }) => {
  const { folder } = await project({}, []);
  const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${server.ws}`;
  const site = await serveSite({ "/": folder }, { "content-security-policy": policy });
  const bob = await phone("bob");
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    const query = new URLSearchParams({ aor: `sip:alice@${server.domain}`, server: server.ws, password: "alice-secret" });
    await page.goto(`${site.url}/csp.html?${query}`);
    await bob.rings("alice");
    await bob.by("answer").click();
    await expect(page).toHaveTitle("established");
    await bob.hears();
    await bob.by("hangup").click();
    await expect(page).toHaveTitle("over");
    await expect(page.getByRole("button", { name: /^Sent INVITE/ }).first()).toBeVisible();
    expect(await page.evaluate("window.violations")).toEqual([]);
  } finally {
    await context.close();
    await site.close();
  }
});
