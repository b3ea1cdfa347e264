import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** How long a program may take to be ready. */
const READY = 20_000;
/** How long a program may take to end once it was asked to. */
const FAREWELL = 5_000;
/** Lines of output kept for a report. */
const KEPT = 400;

/** With it a program hears of it when its parent dies, however that happens. */
const withUs = spawnSync("setpriv", ["--pdeathsig", "TERM", "true"]).status === 0 ? ["setpriv", "--pdeathsig", "TERM"] : [];

export interface ProgramOptions {
  /** The line on standard output that says that it takes work. */
  ready: RegExp;
  cwd?: string;
  env?: Record<string, string>;
}

/** A program that runs until it is stopped. */
export class Program {
  readonly name: string;
  /** What it printed, both streams. */
  readonly lines: string[] = [];
  /** The parts of the line that said that it is ready. */
  ready: readonly string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  /** It has ended, and all it printed was read. */
  readonly #silent: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #heard = 0;

  /** Starts a program; done when it is ready. Rejects with what it printed if it never is. */
  static async start(name: string, command: string, args: string[], options: ProgramOptions): Promise<Program> {
    const program = new Program(name, command, args, options);
    try {
      program.ready = await program.hears(options.ready, READY);
      return program;
    } catch (thrown) {
      await program.stop();
      throw thrown;
    }
  }

  private constructor(name: string, command: string, args: string[], { cwd, env }: ProgramOptions) {
    this.name = name;
    const [program = command, ...rest] = [...withUs, command, ...args];
    this.#child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.on("exit", (code, signal) => resolve(signal ?? `status ${code}`));
    });
    void this.#ended.then((how) => this.#note(`(ended: ${how})`));
    this.#silent = new Promise((resolve) => this.#child.on("close", resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream as Readable }).on("line", (line) => this.#note(line));
    }
  }

  /** How many lines it has printed so far: where to listen from. */
  get mark(): number {
    return this.#heard;
  }

  /** The first line since `from` that matches; rejects with everything printed if none comes in time. */
  async hears(pattern: RegExp, within: number, from = 0): Promise<RegExpMatchArray> {
    let over = false;
    const giveUp = (): void => {
      over = true;
      this.#wake();
    };
    void this.#silent.then(giveUp);
    const timer = setTimeout(giveUp, within);
    try {
      for (;;) {
        const first = this.#heard - this.lines.length;
        for (const [index, line] of this.lines.entries()) {
          const match = first + index >= from ? pattern.exec(line) : null;
          if (match) return match;
        }
        if (over) throw new Error(`${this.name} did not say ${pattern} within ${within} ms.\n${this.report()}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it, by its own process id; by force if it takes too long. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#child.pid === undefined) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), FAREWELL);
    this.#child.kill(signal);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Its output, for a report. */
  report(): string {
    return [`--- ${this.name}`, ...this.lines].join("\n");
  }

  #note(line: string): void {
    this.#heard++;
    this.lines.push(line);
    if (this.lines.length > KEPT) this.lines.shift();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
