import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { HostMetricsReader } from "../../../lib/agent/hostMetrics.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

type Files = Record<string, string>;

/** A host of files, and a clock that stands still until it is moved. */
class Host {
  readonly #root: string;
  nowMs = 5_000;

  constructor(root: string, files: Files) {
    this.#root = root;
    this.write(files);
  }

  write(files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.#root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  remove(name: string): void {
    rmSync(join(this.#root, name));
  }

  meter(): HostMetricsReader {
    return new HostMetricsReader({ root: this.#root, now: () => this.nowMs });
  }
}

const cgroup2 = "sys/fs/cgroup";
const cpuStat = (usec: number): string =>
  `usage_usec ${usec}\nuser_usec 1\nsystem_usec 2\nnr_periods 0\nnr_throttled 0\n`;
/** Time of guests, last, is within that of their host, first. */
const procStat = (busy: number, idle: number, waiting = 0): string =>
  `cpu  ${busy} 0 0 ${idle} ${waiting} 0 0 0 ${busy} 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1 2\n`;
const meminfo =
  "MemTotal:       16000 kB\nMemFree:  1 kB\nMemAvailable:   12000 kB\nBuffers: 7 kB\n";
const proc: Files = { "proc/stat": procStat(100, 900), "proc/meminfo": meminfo };

describe("HostMetricsReader.read() in a cgroup of version 2", () => {
  const files: Files = {
    ...proc,
    [`${cgroup2}/cpu.max`]: "50000 100000\n",
    [`${cgroup2}/cpu.stat`]: cpuStat(1_000_000),
    [`${cgroup2}/memory.current`]: "900000000\n",
    [`${cgroup2}/memory.stat`]:
      "anon 5\nfile 4\ninactive_files 3\ninactive_file 200000000\nactive_file 3\n",
  };

  test("counts CPU against the limit of half a core", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, files);
    const meter = host.meter();
    host.nowMs += 1_000;
    host.write({ [`${cgroup2}/cpu.stat`]: cpuStat(1_250_000) });
    expect(meter.read().cpuPercent).toBeCloseTo(50, 6);
    host.nowMs += 2_000;
    host.write({ [`${cgroup2}/cpu.stat`]: cpuStat(2_250_000) });
    expect(meter.read().cpuPercent).toBeCloseTo(100, 6);
  });

  test("counts CPU against all cores where there is no limit", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, { ...files, [`${cgroup2}/cpu.max`]: "max 100000\n" });
    const meter = host.meter();
    host.nowMs += 1_000;
    host.write({ [`${cgroup2}/cpu.stat`]: cpuStat(1_000_000 + 500_000) });
    expect(meter.read().cpuPercent).toBeCloseTo(50 / availableParallelism(), 6);
  });

  test("leaves out of memory what could be given back", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, files);
    expect(host.meter().read().memoryBytes).toBe(700_000_000);
    host.remove(`${cgroup2}/memory.stat`);
    expect(host.meter().read().memoryBytes).toBe(900_000_000);
  });

  test("is never below zero, whatever the kernel says", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, { ...files, [`${cgroup2}/memory.current`]: "1\n" });
    const meter = host.meter();
    host.nowMs += 1_000;
    host.write({ [`${cgroup2}/cpu.stat`]: cpuStat(0) });
    expect(meter.read()).toEqual({ cpuPercent: 0, memoryBytes: 0 });
  });

  test("says 0% twice at one moment", () => {
    using dir = temporaryDir();
    const meter = new Host(`${dir}`, files).meter();
    expect(meter.read().cpuPercent).toBe(0);
    expect(meter.read().cpuPercent).toBe(0);
  });
});

describe("HostMetricsReader.read() in a cgroup of version 1", () => {
  const files: Files = {
    ...proc,
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpuacct/cpuacct.usage": "1000000000\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "90000000\n",
    "sys/fs/cgroup/memory/memory.stat": "cache 5\ntotal_cache 6\ntotal_inactive_file 20000000\n",
  };

  test("counts CPU against the limit of two cores, and memory without inactive files", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, files);
    const meter = host.meter();
    host.nowMs += 1_000;
    host.write({ "sys/fs/cgroup/cpuacct/cpuacct.usage": "1500000000\n" });
    const { cpuPercent, memoryBytes } = meter.read();
    expect(cpuPercent).toBeCloseTo(25, 6);
    expect(memoryBytes).toBe(70_000_000);
  });

  test("asks the host where the group has no limit", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, {
      ...files,
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    });
    const meter = host.meter();
    host.write({ "proc/stat": procStat(110, 930) });
    expect(meter.read()).toEqual({ cpuPercent: 25, memoryBytes: 4_000 * 1_024 });
  });
});

describe("HostMetricsReader.read() on a plain host", () => {
  test("reads /proc: CPU without idling and waiting, memory without what is available", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, proc);
    const meter = host.meter();
    host.write({ "proc/stat": procStat(130, 950, 20) });
    expect(meter.read()).toEqual({ cpuPercent: 30, memoryBytes: 4_000 * 1_024 });
    host.write({ "proc/stat": procStat(230, 950, 20) });
    expect(meter.read().cpuPercent).toBe(100);
  });

  test("counts from the last call, not from the start", () => {
    using dir = temporaryDir();
    const host = new Host(`${dir}`, proc);
    const meter = host.meter();
    host.write({ "proc/stat": procStat(200, 900) });
    expect(meter.read().cpuPercent).toBe(100);
    host.write({ "proc/stat": procStat(200, 1_000) });
    expect(meter.read().cpuPercent).toBe(0);
  });

  test("asks the runtime where such files are missing or say nothing", () => {
    using dir = temporaryDir();
    const empty = new Host(`${dir}`, {});
    const noise = { "proc/stat": "", "proc/meminfo": "\0\n", [`${cgroup2}/cpu.max`]: "" };
    for (const files of [{}, noise]) {
      empty.write(files);
      const { cpuPercent, memoryBytes } = empty.meter().read();
      expect(cpuPercent).toBeWithin(0, 100.001);
      expect(memoryBytes).toBeWithin(1, totalmem() + 1);
    }
  });

  test("measures this very host", () => {
    const { cpuPercent, memoryBytes } = new HostMetricsReader({
      now: () => performance.now(),
    }).read();
    expect(Number.isFinite(cpuPercent) && cpuPercent >= 0).toBe(true);
    expect(memoryBytes).toBeGreaterThan(0);
  });
});
