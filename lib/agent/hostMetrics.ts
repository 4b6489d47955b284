/**
 * CPU and memory of what this agent runs on: the container's where there is one, with its limits,
 * otherwise the host's. Read from `/proc` and `/sys/fs/cgroup` on Linux, from `node:os` elsewhere.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { HostMetrics } from "./core/model.ts";

export interface HostMetricsReaderOptions {
  /** Below which `proc` and `sys` are found; `/` but for tests. */
  root?: string;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** CPU time used so far and the CPU time there could have been, in the same unit. */
interface CpuReading {
  used: number;
  possible: number;
}

export class HostMetricsReader {
  readonly #root: string;
  readonly #now: () => number;
  #earlier: CpuReading;

  constructor(options: HostMetricsReaderOptions) {
    this.#root = options.root ?? "/";
    this.#now = options.now;
    this.#earlier = this.#readCpu();
  }

  /** CPU since the last call, in percent of all there is; memory in use now. */
  read(): HostMetrics {
    const earlier = this.#earlier;
    const reading = this.#readCpu();
    this.#earlier = reading;
    const possible = reading.possible - earlier.possible;
    const share = possible > 0 ? (reading.used - earlier.used) / possible : 0;
    return {
      cpuPercent: Math.max(0, share * 100),
      memoryBytes: Math.max(0, Math.round(this.#readMemory())),
    };
  }

  #readCpu(): CpuReading {
    return this.#cgroup2Cpu() ?? this.#cgroup1Cpu() ?? this.#procCpu() ?? osCpu();
  }

  #readMemory(): number {
    return (
      this.#cgroup2Memory() ?? this.#cgroup1Memory() ?? this.#procMemory() ?? totalmem() - freemem()
    );
  }

  /** Only a container sees these at the top: the host's own top group has no such files. */
  #cgroup2Cpu(): CpuReading | undefined {
    const limit = this.#readFile("sys/fs/cgroup/cpu.max");
    const usedUs = field(this.#readFile("sys/fs/cgroup/cpu.stat"), "usage_usec");
    if (limit === undefined || usedUs === undefined) return undefined;
    const [quota, period] = limit.split(" ").map(Number);
    const cores = quota && period ? quota / period : availableParallelism();
    return { used: usedUs / 1000, possible: this.#now() * cores };
  }

  #cgroup1Cpu(): CpuReading | undefined {
    const quota = Number(this.#readFile("sys/fs/cgroup/cpu/cpu.cfs_quota_us"));
    const period = Number(this.#readFile("sys/fs/cgroup/cpu/cpu.cfs_period_us"));
    const usedNs = Number(this.#readFile("sys/fs/cgroup/cpuacct/cpuacct.usage"));
    if (!(quota > 0 && period > 0 && usedNs >= 0)) return undefined;
    return { used: usedNs / 1e6, possible: (this.#now() * quota) / period };
  }

  #procCpu(): CpuReading | undefined {
    const line = this.#readFile("proc/stat")?.split("\n")[0];
    if (!line?.startsWith("cpu ")) return undefined;
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    const [, , , idle = 0, waiting = 0] = ticks;
    const possible = ticks.reduce((sum, part) => sum + part, 0);
    return { used: possible - idle - waiting, possible };
  }

  /** What the container holds without the files it could give back, as `docker stats` counts. */
  #cgroup2Memory(): number | undefined {
    const current = this.#readFile("sys/fs/cgroup/memory.current");
    if (current === undefined) return undefined;
    return (
      Number(current) - (field(this.#readFile("sys/fs/cgroup/memory.stat"), "inactive_file") ?? 0)
    );
  }

  #cgroup1Memory(): number | undefined {
    const limit = Number(this.#readFile("sys/fs/cgroup/memory/memory.limit_in_bytes"));
    const used = Number(this.#readFile("sys/fs/cgroup/memory/memory.usage_in_bytes"));
    const stat = this.#readFile("sys/fs/cgroup/memory/memory.stat");
    // Without a limit the file holds a number near 2^63: then this is the host's own group.
    if (!(limit > 0 && limit < totalmem() && used >= 0)) return undefined;
    return used - (field(stat, "total_inactive_file") ?? 0);
  }

  #procMemory(): number | undefined {
    const text = this.#readFile("proc/meminfo");
    const total = field(text, "MemTotal:");
    const available = field(text, "MemAvailable:");
    return total === undefined || available === undefined ? undefined : (total - available) * 1024;
  }

  #readFile(path: string): string | undefined {
    try {
      return readFileSync(join(this.#root, path), "utf8");
    } catch {
      // Not this kind of system: the next source is asked.
      return undefined;
    }
  }
}

function osCpu(): CpuReading {
  let used = 0;
  let possible = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle;
    used += sum - times.idle;
    possible += sum;
  }
  return { used, possible };
}

/** The number behind a name at the start of a line. */
function field(text: string | undefined, name: string): number | undefined {
  const line = text?.split("\n").find((each) => each.startsWith(`${name} `));
  const value = Number(line?.slice(name.length).trim().split(" ")[0]);
  return line === undefined || Number.isNaN(value) ? undefined : value;
}
