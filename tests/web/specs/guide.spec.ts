import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { guideBlocks } from "../harness/guide.js";
import { pack } from "../harness/packed.js";
import { ROOT } from "../harness/paths.js";
import { freePort } from "../harness/ports.js";
import { Phone } from "../harness/phone.js";
import { Program } from "../harness/programs.js";
import { withAccount } from "../harness/projects.js";
import { expect, test } from "../harness/test.js";

/** Everything comes from the registry, as for anybody. */
const DOWNLOADS = 180_000;

/** What is given to a shell: the lines of the guide, of which the last block starts the project and goes on. */
async function followed(page: string, archive: string): Promise<{ setUp: string; start: string; source: string }> {
  const blocks = await guideBlocks(page);
  const shell = blocks.filter(({ language }) => language === "sh").map(({ code }) => code.trim());
  const [source] = blocks.filter(({ language }) => /^tsx?$/.test(language));
  const start = shell.pop();
  if (!source || start === undefined) throw new Error(`${page} has no code, or no way to start it`);
  // Published or not: what would be published is installed.
  const setUp = shell.join("\n").replace(/^npm install offhook/m, `npm install '${archive}'`);
  if (!setUp.includes(archive)) throw new Error(`${page} does not install the package`);
  return { setUp, start, source: source.code };
}

/** What `npm run NAME` runs, without npm and its shell around it, which would not end it when they are ended. */
async function startScript(project: string, start: string, more: string): Promise<Program> {
  const { scripts } = JSON.parse(await readFile(join(project, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const script = scripts[/^npm run (\w+)$/.exec(start)?.[1] ?? ""];
  if (script === undefined) throw new Error(`the project has no script for ${JSON.stringify(start)}`);
  const env = { PATH: `${join(project, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`, NO_COLOR: "1", FORCE_COLOR: "0" };
  return Program.start(script, "bash", ["-euc", `exec ${script} ${more}`], { cwd: project, env, ready: /Local: / });
}

for (const { page, file } of [
  { page: "start/javascript.md", file: "src/main.ts" },
  { page: "start/react.md", file: "src/App.tsx" },
]) {
  test(`from an empty folder to a first call, as ${page} says`, async ({ browser, server, talker }) => {
    test.setTimeout(DOWNLOADS + 60_000);
    const folder = await mkdtemp(join(tmpdir(), "offhook-newcomer-"));
    const { setUp, start, source } = await followed(page, await pack(folder));
    const shell = { cwd: folder, env: { ...process.env, npm_config_yes: "true" }, timeout: DOWNLOADS };
    let dev: Program | undefined;
    try {
      await promisify(execFile)("bash", ["-euc", setUp], shell);
      const [project = ""] = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
      await writeFile(join(folder, project, file), withAccount(source, "alice", server));

      const port = await freePort();
      dev = await startScript(join(folder, project), start, `--port ${port} --strictPort --host 127.0.0.1`);
      const bob = await talker("bob");
      const site = `http://127.0.0.1:${port}`;
      const alice = await Phone.visit(browser, { ...server, site }, "alice", "", {});
      await alice.page.getByRole("button", { name: "Call bob" }).click();
      await bob.answer();
      await Promise.all([alice.page.getByRole("button", { name: /^Hang up on / }).waitFor(), bob.hears()]);
      await alice.page.getByRole("button", { name: /^Hang up on / }).click();
      expect(await bob.run(async () => (await window.call.ended).by)).toBe("remote");
      await alice.context.close();
    } finally {
      await dev?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test("every sample of the guide is a file that is compiled", async () => {
  const pages = (await readdir(join(ROOT, "docs"), { recursive: true }))
    .filter((name) => name.endsWith(".md") && !/node_modules|samples/.test(name))
    .sort();
  expect(pages.length).toBeGreaterThan(15);
  const loose: string[] = [];
  for (const page of pages) {
    const text = await readFile(join(ROOT, "docs", page), "utf8");
    for (const [, language = ""] of text.matchAll(/^```(\w+)/gm)) {
      if (/^(ts|tsx|js|jsx|rust|rs)$/.test(language)) loose.push(`${page}: a block of ${language}`);
    }
  }
  expect(loose).toEqual([]);
});
