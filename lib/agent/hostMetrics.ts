/**
 * CPU and memory of the system on which the agent runs: of the container with its limits, if there
 * is one, otherwise of the host. Sources: `/proc` (proc(5)) and `/sys/fs/cgroup` (cgroup v1 and v2)
 * on Linux, `node:os` on other systems.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { HostMetrics } from "./core/model.ts";

export interface HostMetricsReaderOptions {
  /** The directory that contains `proc` and `sys`; `/` except in tests. */
  root?: string;
  /** Returns milliseconds of a monotonic clock. */
  now: () => number;
}

/** CPU time used so far, and the CPU time that was available, in the same unit. */
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

  /** Returns the CPU use since the last call, in percent of all CPUs, and the memory in use. */
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

  /**
   * These files are at the top only inside a container: the root group of a host does not have
   * them.
   */
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

  /**
   * The memory of the container without the page cache that it can release, as in `docker stats`.
   */
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
    // Without a limit, the file holds a number near 2^63: then this is the host's root group.
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
      // The system has no such file; the caller tries the next source.
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

/** Returns the number after a name at the start of a line. */
function field(text: string | undefined, name: string): number | undefined {
  const line = text?.split("\n").find((each) => each.startsWith(`${name} `));
  const value = Number(line?.slice(name.length).trim().split(" ")[0]);
  return line === undefined || Number.isNaN(value) ? undefined : value;
}
