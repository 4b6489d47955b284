/** A terminal of 80 columns driven by tmux: keys go in, the screen is read. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";

export const hasTmux = Bun.which("tmux") !== null;

export class Tmux implements Disposable {
  readonly #socket = `wsctl-${randomUUID()}`;

  constructor(command: string, size = { columns: 80, rows: 24 }) {
    const { columns, rows } = size;
    this.#run("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, command);
  }

  /** Names of keys as tmux has them, or text. */
  press(...keys: string[]): void {
    this.#run("send-keys", ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#run("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  screen(): string {
    return this.#run("capture-pane", "-p");
  }

  /** The screen, once it is as it is waited for. */
  async shows(pattern: RegExp, withinMs = 15_000): Promise<string> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`${pattern} was not shown:\n${screen}`);
      await Bun.sleep(50);
    }
  }

  #run(...words: string[]): string {
    const { stdout, stderr, status } = spawnSync(
      "tmux",
      ["-L", this.#socket, "-f", "/dev/null", ...words],
      {
        encoding: "utf8",
        env: { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8" },
      },
    );
    if (status !== 0) throw new Error(`tmux ${words[0]}: ${stderr}`);
    return stdout;
  }

  [Symbol.dispose](): void {
    spawnSync("tmux", ["-L", this.#socket, "kill-server"]);
  }
}
