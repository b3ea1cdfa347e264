import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PACKAGE } from "./paths.js";

const PAGES = fileURLToPath(new URL("../pages/", import.meta.url));

/** The package as it would be published: the archive, written into that folder. */
export async function pack(folder: string): Promise<string> {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: PACKAGE, stdio: "ignore" });
  const [archive = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  return join(folder, archive);
}

/** A project of somebody who installed the package as it would be published: the folder, to be removed afterwards. */
export async function installPackage(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "offhook-package-"));
  const installed = join(folder, "node_modules/offhook");
  await mkdir(installed, { recursive: true });
  execFileSync("tar", ["-xzf", await pack(folder), "--strip-components=1", "-C", installed]);
  await cp(PAGES, folder, { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
