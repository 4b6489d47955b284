/** The terminals of a page: one shell for each host, and what runs in terminals beside it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Running, wsctlCommand } from "../processes/processes.ts";

const commandMsMax = 30_000;
const endMark = "--end-of-command--";

/** Gives a command its own `/etc/wsctl`, so that a page leaves no keys in that of root. */
function ownSettings(dir: string): string[] {
  if (process.getuid?.() !== 0) return [];
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return [];
  const script = 'mkdir -p /etc/wsctl && mount --bind "$0" /etc/wsctl && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, dir];
}

/** A host of a page: a home of its own, a shell that keeps its variables and its directory. */
export class DocHost implements AsyncDisposable {
  readonly home: string;
  readonly port: number;
  readonly #env: Record<string, string>;
  readonly #prefix: string[];
  readonly #background = new Map<string, Running>();
  readonly #processes: Running[] = [];
  #shell: ChildProcess | undefined;
  #output = "";
  #wake: () => void = () => undefined;

  /** `port` takes the place of 7420; `prefix` runs a command on the host. */
  constructor(port: number, prefix: string[] = []) {
    this.home = mkdtempSync(join(tmpdir(), "wsctl-page-"));
    this.port = port;
    const bin = join(this.home, ".local/bin");
    mkdirSync(bin, { recursive: true });
    symlinkSync(wsctlCommand("binary")[0] ?? "", join(bin, "wsctl"));
    const config = join(this.home, ".config/wsctl");
    mkdirSync(config, { recursive: true });
    this.#prefix = [...prefix, ...ownSettings(config)];
    this.#env = {
      PATH: `${bin}:${process.env.PATH ?? ""}`,
      HOME: this.home,
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      WSCTL_PORT: `${port}`,
      // A user who is not root has these by default.
      WSCTL_DATA_DIR: join(this.home, ".local/state/wsctl"),
      WSCTL_COMMANDS_DIR: join(config, "commands.d"),
      WSCTL_SERVICES_DIR: join(config, "services.d"),
      WSCTL_LOGS_DIR: join(config, "logs.d"),
    };
  }

  /** Runs one command in the shell; returns what it printed on both streams, and its status. */
  async run(command: string): Promise<{ lines: string[]; status: number }> {
    const shell = this.#started();
    this.#output = "";
    const quoted = command.replaceAll("'", "'\\''");
    shell.stdin?.write(`eval '${quoted}' </dev/null\nprintf '%s%d\\n' '${endMark}' "$?"\n`);
    const pattern = new RegExp(`${endMark}(\\d+)\\n$`);
    const deadline = Date.now() + commandMsMax;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        const text = this.#output.slice(0, match.index).replace(/\n$/, "");
        // An explicit data directory goes before a context, and this one is not the user's choice.
        if (command.startsWith("wsctl login ")) shell.stdin?.write("unset WSCTL_DATA_DIR\n");
        return { lines: text === "" ? [] : text.split("\n"), status: Number(match[1]) };
      }
      if (shell.exitCode !== null) throw new Error(`the shell ended: ${this.#output}`);
      if (Date.now() > deadline) throw new Error(`does not end: ${command}\n${this.#output}`);
      await this.#nextOutput(deadline);
    }
  }

  /** Starts a command in a terminal beside the shell. */
  start(name: string, command: string): Running {
    const words = [...this.#prefix, "bash", "-c", `exec ${command}`];
    const running = new Running(words, { env: this.#env, cwd: this.home });
    // A later block may have the same name: `stop` means the latest, the end of the page means all.
    this.#background.set(name, running);
    this.#processes.push(running);
    return running;
  }

  background(name: string): Running | undefined {
    return this.#background.get(name);
  }

  /** Writes a file that a page shows; `~` is the home. */
  write(path: string, text: string): void {
    const file = this.#file(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: text.startsWith("#!") ? 0o700 : 0o600 });
    if (!path.endsWith("wsctl/config.toml")) return;
    // A user who is not root has it by default.
    this.#env.WSCTL_CONFIG = file;
    this.#shell?.stdin?.write(`export WSCTL_CONFIG='${file}'\n`);
  }

  read(path: string): string {
    return readFileSync(this.#file(path), "utf8");
  }

  #file(path: string): string {
    return join(this.home, path.replace(/^~\//, ""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A command that does not end is ended with its shell.
    this.#shell?.kill("SIGKILL");
    for (const running of this.#processes.toReversed()) {
      if (!running.hasExited) await running.stop();
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  #nextOutput(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #started(): ChildProcess {
    if (this.#shell !== undefined) return this.#shell;
    const [file = "", ...args] = [...this.#prefix, "bash", "--noprofile", "--norc"];
    const shell = spawn(file, args, { cwd: this.home, env: this.#env });
    const collect = (text: string) => {
      this.#output += text;
      this.#wake();
    };
    // One pipe for both streams, so that the lines come in the order in which they were written.
    shell.stdin?.write("exec 2>&1\n");
    shell.stdout?.setEncoding("utf8").on("data", collect);
    shell.once("exit", () => this.#wake());
    this.#shell = shell;
    return shell;
  }
}
