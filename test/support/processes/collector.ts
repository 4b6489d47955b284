/** The collector as a process, as an agent's program: its request, its output and its end. */
import { type ChildProcess, spawn } from "node:child_process";
import type { CollectResult } from "../../../lib/agent/logs/collectRequest.ts";
import { type Flavour, wsctlCommand } from "./processes.ts";

const waitMs = 20_000;

export interface CollectorOptions {
  flavour?: Flavour;
  env?: Record<string, string>;
  /** Words to start it with, such as to become somebody else. */
  before?: string[];
}

export class Collector implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;
  #wake: () => void = () => {};

  constructor(order: object, options: CollectorOptions = {}) {
    const { flavour = "binary", env = {}, before = [] } = options;
    const [file = "", ...args] = [...before, ...wsctlCommand(flavour), "internal", "collect"];
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(file, args, { env: { PATH, HOME, ...env }, cwd: "/" });
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(order));
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once("close", (code) => {
        resolve(code ?? -1);
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Until this is in what it has printed. */
  async printed(text: string): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!this.stdout.includes(text)) {
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`"${text}" was not printed:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The lines and, of the last line, the answer. */
  async answer(): Promise<{ lines: string; collected: CollectResult }> {
    const code = await this.exited;
    if (code !== 0) throw new Error(`ended with ${code}: ${this.stderr}`);
    const at = this.stdout.trimEnd().lastIndexOf("\n") + 1;
    return { lines: this.stdout.slice(0, at), collected: JSON.parse(this.stdout.slice(at)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }
}
