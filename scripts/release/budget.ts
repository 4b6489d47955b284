/**
 * What a release may grow by. Sizes are compared with those of the last release, which
 * `docs/release-figures.json` keeps: growth that is wanted is recorded there, so that a reviewer sees
 * it. The time to start is compared with the binary of the last release, by turns on this machine:
 * even its ratio to another program differs by half between machines.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "./contents.ts";

const figuresFile = new URL("../../docs/release-figures.json", import.meta.url).pathname;

export interface Figures {
  version: string;
  /** Of the binary of each platform. */
  bytes: Record<string, number>;
}

/** By how much a figure may exceed that of the last release. */
const bytesGrowth = 0.03;
const startGrowth = 0.25;

/** What is started, by the words that name it. */
const commands = [["version"], ["agent", "--help"], ["serve", "--help"]] as const;
const rounds = 20;

/** Measures the binaries of a release. */
export function measureBytes(output: string, files: readonly string[]): Figures {
  const binaries = files.filter((name) => !name.endsWith(".tar.gz"));
  const sizes = binaries.map((name) => [name, statSync(join(output, name)).size]);
  return { version, bytes: Object.fromEntries(sizes) };
}

/** Returns a line for each binary that exceeds its budget, of the platforms that were built. */
export function exceededBytes(now: Figures, last: Figures): string[] {
  return Object.entries(now.bytes).flatMap(([name, bytes]) => {
    const before = last.bytes[name];
    if (before === undefined || bytes <= before * (1 + bytesGrowth)) return [];
    const more = (((bytes - before) / before) * 100).toFixed(1);
    const budget = `the budget is ${bytesGrowth * 100} %`;
    const than = `${before} of ${last.version}`;
    return [`${name}: ${bytes}, ${more} % more than ${than}; ${budget}`];
  });
}

/**
 * Returns the processor time of each command, divided by that of another binary.
 *
 * @throws {Error} if one of the binaries does not run
 */
export function compareStarts(binary: string, previous: string): Record<string, number> {
  if (!existsSync(previous)) {
    throw new Error(`Cannot compare the time to start with "${previous}": there is no such file`);
  }
  const ratios = commands.map((words): [string, number] => {
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    // In turns, so that a busy moment of the machine meets both.
    for (let round = 0; round < rounds; round++) {
      for (const [index, each] of [binary, previous].entries()) {
        best[index] = Math.min(best[index] ?? 0, processorTime([each, ...words]));
      }
    }
    const [own = 0, other = 1] = best;
    return [`wsctl ${words.join(" ")}`, own / other];
  });
  return Object.fromEntries(ratios);
}

/** Returns a line for each command that exceeds its budget. */
export function exceededStarts(ratios: Record<string, number>): string[] {
  return Object.entries(ratios).flatMap(([name, ratio]) => {
    if (ratio <= 1 + startGrowth) return [];
    const more = ((ratio - 1) * 100).toFixed(1);
    return [`${name}: ${more} % more time to start; the budget is ${startGrowth * 100} %`];
  });
}

function processorTime(command: string[]): number {
  const { success, resourceUsage, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return Number(resourceUsage?.cpuTime.total);
}

export function readFigures(): Figures {
  return JSON.parse(readFileSync(figuresFile, "utf8"));
}

/** Makes these figures the ones that the next release is compared with. */
export function recordFigures(figures: Figures): void {
  writeFileSync(figuresFile, `${JSON.stringify(figures, null, 2)}\n`);
}
