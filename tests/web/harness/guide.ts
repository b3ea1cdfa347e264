import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ROOT } from "./paths.js";

/** One block of code of a page: what its first line says it is, and the code. */
export interface Block {
  /** `sh`, `ts` …; of a block that is a file, the ending of that. */
  language: string;
  code: string;
}

/** The blocks of code of a page of the guide, in order; those that are files (`<<< file`) as these stand in the tree. */
export async function guideBlocks(page: string): Promise<Block[]> {
  const file = join(ROOT, "docs", page);
  const text = await readFile(file, "utf8");
  const blocks: Block[] = [];
  for (const [, included, language, code] of text.matchAll(/^<<< ([^\s#{[]+)\s*$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (included === undefined) blocks.push({ language: language ?? "", code: code ?? "" });
    else {
      const source = join(dirname(file), included);
      if (relative(ROOT, source).startsWith("..")) throw new Error(`${page} shows a file outside of the tree: ${included}`);
      blocks.push({ language: included.split(".").at(-1) ?? "", code: await readFile(source, "utf8") });
    }
  }
  return blocks;
}
