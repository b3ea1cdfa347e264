import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One row of the table of coverage. */
export interface Row {
  section: string;
  title: string;
  tests: { name: string; url: string }[];
  /** On the simulated network, natively, in the browser: a tick, nothing, or how many. */
  runtimes: string[];
}

declare const data: { rfcs: Row[]; peers: Row[] };
export { data };

const SOURCE = fileURLToPath(new URL("../../tests/README.md", import.meta.url));
const TREE = "https://github.com/offhook/offhook/blob/main/tests/";

function cells(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

function links(cell: string): Row["tests"] {
  return [...cell.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = "", path = ""]) => ({ name, url: new URL(path, TREE).href }));
}

/** `tests/README.md` is what a test holds to the scenarios; this reads it. */
export default {
  watch: [SOURCE],
  load(): { rfcs: Row[]; peers: Row[] } {
    const lines = readFileSync(SOURCE, "utf8").split("\n").filter((line) => line.startsWith("|"));
    const rfcs = lines
      .filter((line) => line.startsWith("| RFC "))
      .map(cells)
      .map(([section = "", title = "", tests = "", ...runtimes]) => ({ section, title, tests: links(tests), runtimes }));
    const first = lines.findIndex((line) => line.startsWith("| what other stacks get wrong"));
    const last = lines.findIndex((line, at) => at > first && line.startsWith("| not played"));
    const peers = lines
      .slice(first + 2, last)
      .map(cells)
      .map(([title = "", tests = "", ...runtimes]) => ({ section: "", title, tests: links(tests), runtimes }));
    if (rfcs.length === 0 || peers.length === 0) throw new Error(`no tables found in ${SOURCE}`);
    return { rfcs, peers };
  },
};
