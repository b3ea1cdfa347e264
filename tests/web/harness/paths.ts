import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const PACKAGE = join(ROOT, "js");
export const SOFTPHONE = join(ROOT, "examples/softphone");
export const SNIPPETS = join(ROOT, "examples/snippets");

/** Where cargo puts a program; `prepare` has made it. */
export function program(name: string): string {
  return join(process.env["OFFHOOK_PROGRAMS"] ?? "", name);
}

/** Before all tests: the programs are built, and the packages are there. */
export default function prepare(): void {
  for (const built of [
    join(PACKAGE, "dist/index.js"),
    join(PACKAGE, "wasm/offhook_wasm_bg.wasm"),
    join(SOFTPHONE, "dist/app.js"),
  ]) {
    if (!existsSync(built)) throw new Error(`there is no ${built}: run scripts/build.sh wasm js softphone`);
  }
  const cargo = (...args: string[]): string =>
    execFileSync("cargo", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 });
  // The packages of `cargo test --workspace`, so that their features are the same and nothing is built twice.
  cargo("build", "--quiet", "--workspace", "--exclude", "offhook-wasm", "--bins");
  const metadata = JSON.parse(cargo("metadata", "--format-version=1", "--no-deps")) as { target_directory: string };
  process.env["OFFHOOK_PROGRAMS"] = join(metadata.target_directory, "debug");
}
