/**
 * Windows as far as Wine imitates it: Debian's `wine64`, with a directory of its own for each test.
 * What runs here is the build for Windows; that it runs on Windows is not shown.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Running } from "./processes.ts";

const loader = "/usr/lib/wine/wine64";
const server = "/usr/lib/wine/wineserver64";
const tools = "x86_64-w64-mingw32-";

/** Whether this machine has Wine and the linker for its libraries. */
export const hasWine = existsSync(loader) && Bun.which(`${tools}ld`) !== null;

/** A path of this machine as programs of Windows name it. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

export class Wine implements Disposable {
  readonly #env: Record<string, string>;

  private constructor(dir: string) {
    this.#env = { WINEPREFIX: join(dir, "wine"), WINEDEBUG: "-all", PATH: process.env.PATH ?? "" };
  }

  static start(dir: string): Wine {
    const wine = new Wine(dir);
    wine.#run(loader, "wineboot", "-i");
    wine.#run(loader, "reg", "add", "HKCU\\Software\\Wine", "/v", "Version", "/d", "win10", "/f");
    wine.#addRandomness(dir);
    return wine;
  }

  /** Bun needs a library that Debian's Wine lacks: its only function has another name there. */
  #addRandomness(dir: string): void {
    const file = (name: string) => join(dir, name);
    writeFileSync(
      file("prng.def"),
      "LIBRARY bcryptprimitives.dll\nEXPORTS\n  ProcessPrng = advapi32.SystemFunction036\n",
    );
    writeFileSync(file("prng.s"), ".globl entry\nentry:\n mov $1, %eax\n ret\n");
    this.#run(`${tools}as`, file("prng.s"), "-o", file("prng.o"));
    this.#run(`${tools}dlltool`, "-d", file("prng.def"), "-e", file("prng.exp"));
    const library = join(dir, "wine/drive_c/windows/system32/bcryptprimitives.dll");
    const parts = [file("prng.o"), file("prng.exp")];
    this.#run(`${tools}ld`, "-shared", "-e", "entry", "-o", library, ...parts);
  }

  /** Starts a program for Windows. */
  start(command: readonly string[], env: Record<string, string> = {}): Running {
    return new Running([loader, ...command], { env: { ...this.#env, ...env } });
  }

  /** Interrupts every process of this directory with these words, as Ctrl-C does in a console. */
  interrupt(words: string): void {
    for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const read = (file: string) => readFileSync(`/proc/${name}/${file}`, "utf8").split("\0");
        const isOwn = read("environ").includes(`WINEPREFIX=${this.#env.WINEPREFIX}`);
        if (isOwn && read("cmdline").join(" ").includes(words))
          process.kill(Number(name), "SIGINT");
      } catch {
        // The process has ended, or belongs to another user.
      }
    }
  }

  #run(...command: string[]): void {
    const { success, stderr } = Bun.spawnSync(command, { env: this.#env });
    if (!success) throw new Error(`${command.join(" ")}: ${stderr}`);
  }

  /** Ends every process of this directory, and no other. */
  [Symbol.dispose](): void {
    Bun.spawnSync([server, "-k"], { env: this.#env });
  }
}
