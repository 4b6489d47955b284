/**
 * Runs worlds with a cluster.
 *
 *   bun test/sim/cluster/main.ts --seeds 1000 [--from SEED] [--first]
 *   bun test/sim/cluster/main.ts --seed SEED [--faults 1,4] --trace
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { clusterPlanOf } from "./clusterPlan.ts";
import { ClusterWorld } from "./clusterWorld.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    faults: { type: "string" },
    trace: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
  },
});

const failuresMax = 20;

if (values.seed === undefined) await runMany(Number(values.from), Number(values.seeds));
else await runOne(Number(values.seed), values.faults?.split(",").filter(Boolean).map(Number));

async function runOne(seed: number, faults: number[] | undefined): Promise<void> {
  const world = new ClusterWorld({
    seed,
    ...(faults === undefined ? {} : { faults }),
    ...(values.trace ? { onTrace: (line: string) => console.log(line) } : {}),
  });
  const { violations, requests, digest } = await world.runCluster();
  for (const violation of violations) console.log(`violation: ${violation}`);
  console.log(`seed ${seed}: ${requests} requests, digest ${digest.toString(16)}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

async function runMany(first: number, count: number): Promise<void> {
  const startedAt = performance.now();
  const met = new Map<string, number>();
  let [failed, done] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const { violations, met: here } = await new ClusterWorld({ seed }).runCluster();
    done++;
    for (const [name, times] of here) met.set(name, (met.get(name) ?? 0) + times);
    if (violations.length === 0) continue;
    failed++;
    console.log(`seed ${seed}: ${violations.slice(0, 3).join("; ")}`);
    if (values.first || failed >= failuresMax) break;
    console.log(`  again: --seed ${seed} --faults ${(await shrink(seed)).join(",")} --trace`);
  }
  if (values.first) return;
  for (const [name, times] of [...met].sort()) console.log(`${String(times).padStart(9)}  ${name}`);
  const rate = (done / ((performance.now() - startedAt) / 1000)).toFixed(0);
  console.log(`${done} worlds, ${failed} failed, ${rate} a second`);
  process.exitCode = failed > 0 ? 1 : 0;
}

/** The fewest of a world's faults that still break it. */
async function shrink(seed: number): Promise<number[]> {
  let kept = clusterPlanOf(seed).clusterFaults.map((_, index) => index);
  for (const fault of kept) {
    const faults = kept.filter((each) => each !== fault);
    const { violations } = await new ClusterWorld({ seed, faults }).runCluster();
    if (violations.length > 0) kept = faults;
  }
  return kept;
}
