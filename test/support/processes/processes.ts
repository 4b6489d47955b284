/**
 * Real processes of wsctl for tests: the compiled binary, or the sources under Bun or Deno, in a
 * temporary directory, on free ports. Waiting is for lines of their logs, never for time.
 */
import { setDefaultTimeout } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterArgs, isClusterMode } from "./clusterMode.ts";

export type Flavour = "binary" | "bun" | "deno";
export const flavours: readonly Flavour[] = ["binary", "bun", "deno"];

const root = new URL("../../..", import.meta.url).pathname;
const waitMs = 30_000;

// Longer than any wait below: a wait that fails says what it waited for, a timeout would not.
setDefaultTimeout(60_000);

/** The words that start wsctl in this flavour. */
export function wsctlCommand(flavour: Flavour): string[] {
  if (flavour === "binary") return [process.env.WSCTL_TEST_BINARY ?? join(root, "dist", "wsctl")];
  const entry = join(root, "cmd", "wsctl.ts");
  return flavour === "deno"
    ? [denoFile(), "run", "-A", entry]
    : [join(root, "node_modules", ".bin", "bun"), "run", entry];
}

/** Deno itself: what npm calls `deno` starts it as a child, which no signal of ours would reach. */
export function denoFile(): string {
  const file = join(root, "node_modules", "deno", "deno");
  // The package puts the file there when it is installed, or else when it is first run.
  if (!existsSync(file)) spawnSync("node", [join(root, "node_modules", "deno", "bin.cjs"), "-V"]);
  return file;
}

/** A directory that goes away with the test. */
export function temporaryDir(): string & Disposable {
  const path = mkdtempSync(join(tmpdir(), "wsctl-test-"));
  return Object.assign(path, {
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }) as string & Disposable;
}

/** A process whose output is kept by lines. */
export class Running implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];

  constructor(command: string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, {
      cwd: options.cwd ?? tmpdir(),
      env: cleanEnv(options.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#collect(stream);
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        resolve(code ?? (signal === "SIGKILL" ? 137 : 143));
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first match in the lines from `from` on, as soon as it is there. */
  async logged(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      for (const line of this.lines.slice(from)) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (this.hasExited || Date.now() > deadline) {
        const why = this.hasExited ? "the process has ended" : `not within ${waitMs} ms`;
        throw new Error(`${pattern} was not logged (${why}):\n${this.lines.join("\n")}`);
      }
      await this.#nextLine(deadline);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Asks it to end, and answers with its exit status. */
  stop(): Promise<number> {
    this.signal("SIGTERM");
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasExited) await this.kill();
  }

  #collect(stream: NodeJS.ReadableStream | null): void {
    let rest = "";
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wake();
    });
  }

  #nextLine(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

export interface Serving extends AsyncDisposable {
  process: Running;
  url: string;
  port: number;
  dataDir: string;
}

export interface ServeOptions {
  dataDir: string;
  flavour?: Flavour;
  /** The words that start wsctl, in place of those of the flavour. */
  command?: readonly string[];
  port?: number;
  args?: string[];
  env?: Record<string, string>;
}

/** A control plane that is ready. */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { dataDir, flavour = "binary", port = 0, args = [], env = {} } = options;
  const command = [
    ...(options.command ?? wsctlCommand(flavour)),
    ...["serve", "--port", String(port), "--data-dir", dataDir, "--log-level", "debug"],
    ...(await clusterArgs(dataDir)),
    ...args,
  ];
  const process = new Running(command, { env });
  if (isClusterMode) await process.logged(/leads the cluster/);
  const [, url = ""] = await process.logged(/serving on ([^\s"]+)/);
  return {
    process,
    url,
    port: Number(new URL(url).port),
    dataDir,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

export interface AgentOptions {
  dataDir: string;
  id: string;
  flavour?: Flavour;
  args?: string[];
  env?: Record<string, string>;
}

/** An agent's process; `connectedAgent` also waits until it is connected. */
export function startAgent(options: AgentOptions): Running {
  const { dataDir, id, flavour = "binary", args = [], env } = options;
  const command = [
    ...wsctlCommand(flavour),
    ...["agent", "--id", id, "--data-dir", dataDir, "--log-level", "debug"],
    ...args,
  ];
  return new Running(command, env === undefined ? {} : { env });
}

export async function connectedAgent(options: AgentOptions): Promise<Running> {
  const agent = startAgent(options);
  await agent.logged(/connected/);
  return agent;
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  flavour?: Flavour;
  env?: Record<string, string>;
  cwd?: string;
  stdin?: string;
}

/** Runs one command to its end. */
export function wsctl(args: string[], options: RunOptions = {}): Promise<Finished> {
  const [file = "", ...first] = wsctlCommand(options.flavour ?? "binary");
  const child = spawn(file, [...first, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: cleanEnv(options.env),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(options.stdin ?? "");
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** No setting of the machine's own reaches a test. */
function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, NO_COLOR: "1", ...extra };
}
