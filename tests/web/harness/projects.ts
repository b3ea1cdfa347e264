import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installPackage } from "./packed.js";
import { PACKAGE } from "./paths.js";

const MODULES = fileURLToPath(new URL("../node_modules/", import.meta.url));

/** Somebody's project into which the package was installed. */
export interface Project {
  readonly folder: string;
  /** Runs the program of a package that is installed here: its file, and arguments. */
  run(program: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** An empty project with these files, the package, and these other packages. */
export async function createProject(files: Record<string, string>, packages: string[]): Promise<Project> {
  const { folder, remove } = await installPackage();
  for (const [name, content] of Object.entries({ "package.json": '{ "type": "module", "private": true }', ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  for (const name of packages) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(MODULES, name), link);
  }
  const run = async (program: string, ...args: string[]): Promise<string> => {
    const script = join(folder, "node_modules", program);
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args], { cwd: folder });
      return stdout + stderr;
    } catch (thrown) {
      const { stdout, stderr } = thrown as { stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(" ")}: ${stdout ?? ""}${stderr ?? String(thrown)}`);
    }
  };
  return { folder, run, remove };
}

/** An example of the package's README: the first block of code below that heading; below none: the first of all. */
export async function readmeExample(heading?: string): Promise<string> {
  const readme = await readFile(join(PACKAGE, "README.md"), "utf8");
  const from = heading === undefined ? 0 : readme.indexOf(`\n## ${heading}\n`);
  const block = from < 0 ? null : /```ts\n([\s\S]*?)```/.exec(readme.slice(from));
  if (!block?.[1]) throw new Error(`README.md has no example below ${heading}`);
  return block[1];
}

/** The same example with somebody else's account. */
export function withAccount(example: string, user: string, { domain, ws }: { domain: string; ws: string }): string {
  const replaced = example
    .replaceAll("sip:alice@example.com", `sip:${user}@${domain}`)
    .replaceAll("wss://example.com/ws", ws)
    .replaceAll('password: "secret"', `password: "${user}-secret"`);
  if (replaced === example) throw new Error("the example has another account than this knows");
  return replaced;
}
