/**
 * What a release may grow by: its sizes and its time to start are compared with those of the last
 * release, which `docs/release-figures.json` keeps. Growth that is wanted is recorded there, so that
 * a reviewer sees it.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "./contents.ts";

const figuresFile = new URL("../../docs/release-figures.json", import.meta.url).pathname;

export interface Figures {
  version: string;
  /** Of the binary of each platform. */
  bytes: Record<string, number>;
  /**
   * The processor time of a command, divided by that of a compiled program of one line on the same
   * machine at the same time: machines differ, and their ratios hardly do.
   */
  start: Record<string, number>;
}

/** By how much a figure may exceed that of the last release. */
const growth = { bytes: 0.03, start: 0.25 };

/** What is started, by the words that name it in the figures. */
const commands = [["version"], ["agent", "--help"], ["serve", "--help"]] as const;
const rounds = 20;

/** Measures the binaries of a release, and the start of one that runs on this machine. */
export function measure(output: string, files: readonly string[], host: string): Figures {
  const binaries = files.filter((name) => !name.endsWith(".tar.gz"));
  const sizes = binaries.map((name) => [name, statSync(join(output, name)).size]);
  return { version, bytes: Object.fromEntries(sizes), start: measureStart(host) };
}

function measureStart(binary: string): Record<string, number> {
  const dir = mkdtempSync(join(tmpdir(), "wsctl-start-"));
  try {
    const source = join(dir, "line.ts");
    const line = join(dir, "line");
    writeFileSync(source, "console.log(process.argv.length);\n");
    const words = ["build", source, "--compile", "--minify", "--bytecode", `--outfile=${line}`];
    const built = Bun.spawnSync([process.execPath, ...words]);
    if (!built.success) throw new Error(`Cannot build a program of one line: ${built.stderr}`);
    const all = [[line], ...commands.map((each) => [binary, ...each])];
    const best = all.map(() => Number.POSITIVE_INFINITY);
    // In turns, so that a busy moment of the machine meets all of them.
    for (let round = 0; round < rounds; round++) {
      for (const [index, command] of all.entries()) {
        best[index] = Math.min(best[index] ?? 0, processorTime(command));
      }
    }
    const [ofLine = 1, ...ofCommands] = best;
    const ratios = ofCommands.map((time, index): [string, number] => [
      `wsctl ${commands[index]?.join(" ")}`,
      Math.round((time / ofLine) * 100) / 100,
    ]);
    return Object.fromEntries(ratios);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function processorTime(command: string[]): number {
  const { success, resourceUsage, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return Number(resourceUsage?.cpuTime.total);
}

/** Returns a line for each figure that exceeds its budget. Platforms that were not built are left out. */
export function exceeded(now: Figures, last: Figures): string[] {
  const compare = (what: "bytes" | "start") =>
    Object.entries(now[what]).flatMap(([name, figure]) => {
      const before = last[what][name];
      if (before === undefined || figure <= before * (1 + growth[what])) return [];
      const more = (((figure - before) / before) * 100).toFixed(1);
      const budget = `the budget is ${growth[what] * 100} %`;
      return [`${name}: ${figure}, ${more} % more than ${before} of ${last.version}; ${budget}`];
    });
  return [...compare("bytes"), ...compare("start")];
}

export function readFigures(): Figures {
  return JSON.parse(readFileSync(figuresFile, "utf8"));
}

/** Makes these figures the ones that the next release is compared with. */
export function recordFigures(figures: Figures): void {
  writeFileSync(figuresFile, `${JSON.stringify(figures, null, 2)}\n`);
}
