/** How much memory a process takes. */
import { readdirSync, readFileSync } from "node:fs";

/** The largest memory that a process has held, in bytes. */
export function peakBytes(pid: number | "self"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** The largest memory of processes that end by themselves: as it was when they were last looked at. */
export class Peaks {
  /** In bytes, by name. */
  readonly all = new Map<string, number>();
  readonly #watched: Record<string, number>;

  constructor(watched: Record<string, number> = {}) {
    this.#watched = watched;
  }

  /** Also at every process of ours that runs one of these commands for an agent in this directory. */
  look(dataDir: string, commands: readonly string[]): void {
    for (const [name, pid] of Object.entries(this.#watched)) this.add(name, pid);
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const [, group = "", inner = ""] = read(`/proc/${name}/cmdline`).split("\0");
      const command = group === "internal" ? inner : group;
      if (!commands.includes(command)) continue;
      const about = read(`/proc/${name}/environ`) + read(`/proc/${name}/cmdline`);
      if (about.includes(dataDir)) this.add(command, Number(name));
    }
  }

  add(name: string, pid: number): void {
    try {
      const peak = peakBytes(pid);
      if (peak > 0) this.all.set(name, Math.max(peak, this.all.get(name) ?? 0));
    } catch {
      // It has ended meanwhile.
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
