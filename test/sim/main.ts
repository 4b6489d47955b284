/**
 * Runs worlds.
 *
 *   bun run sim --seeds 100000 [--from SEED]      as many as one likes, with what they met
 *   bun run sim --seed SEED [--faults 1,4] --trace   one of them again, told
 *
 * `--first` stops at the first failure, `--digests` prints each trace's digest.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { unmet } from "./coverage.ts";
import { shrink } from "./shrink.ts";
import { type Report, World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    faults: { type: "string" },
    trace: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
    digests: { type: "boolean", default: false },
  },
});

/** From so many worlds on, everything must have been met. */
const coverageSeeds = 10_000;
const progressSeeds = 10_000;
const failuresMax = 20;

if (values.seed === undefined) runMany(Number(values.from), Number(values.seeds));
else runOne(Number(values.seed), values.faults?.split(",").filter(Boolean).map(Number));

function runOne(seed: number, faults: number[] | undefined): void {
  const report = new World({
    seed,
    ...(faults === undefined ? {} : { faults }),
    ...(values.trace ? { onTrace: (line: string) => console.log(line) } : {}),
  }).run();
  for (const violation of report.violations) console.log(`violation: ${violation}`);
  console.log(`seed ${seed}: ${report.requests} requests, digest ${report.digest.toString(16)}`);
  process.exitCode = report.violations.length > 0 ? 1 : 0;
}

function runMany(first: number, count: number): void {
  const startedAt = performance.now();
  const met = new Map<string, number>();
  let failed = 0;
  let done = 0;
  const rate = () => `${(done / ((performance.now() - startedAt) / 1000)).toFixed(0)} a second`;
  for (let seed = first; seed < first + count; seed++) {
    const report = new World({ seed }).run();
    done++;
    for (const [name, times] of report.met) met.set(name, (met.get(name) ?? 0) + times);
    if (values.digests) console.log(`${seed} ${report.digest.toString(16)}`);
    if (report.violations.length > 0) {
      failed++;
      tellFailure(report);
      if (values.first || failed >= failuresMax) break;
    }
    if (done % progressSeeds === 0) console.log(`… ${done} worlds, ${failed} failed, ${rate()}`);
  }
  if (values.digests || values.first) return;
  for (const [name, times] of [...met].sort()) console.log(`${String(times).padStart(9)}  ${name}`);
  const missing = done >= coverageSeeds ? unmet(met) : [];
  if (missing.length > 0) console.log(`never met: ${missing.join(", ")}`);
  console.log(`${done} worlds, ${failed} failed, ${rate()}`);
  process.exitCode = failed + missing.length > 0 ? 1 : 0;
}

function tellFailure({ seed, violations }: Report): void {
  console.log(`seed ${seed}: ${violations.slice(0, 3).join("; ")}`);
  if (values.first) return;
  console.log(`  again: bun run sim --seed ${seed} --faults ${shrink(seed).join(",")} --trace`);
}
