/** Runs worlds: `--seeds N` from `--from`, or one `--seed S` with its trace. */
import process from "node:process";
import { parseArgs } from "node:util";
import { World } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    faults: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});

if (values.seed !== undefined) {
  const faults =
    values.faults === undefined ? {} : { faults: values.faults.split(",").map(Number) };
  const onTrace = values.trace ? { onTrace: (line: string) => console.log(line) } : {};
  const report = new World({ seed: Number(values.seed), ...faults, ...onTrace }).run();
  console.log(report);
} else {
  const startedAt = performance.now();
  const met = new Map<string, number>();
  let failed = 0;
  let done = 0;
  const first = Number(values.from);
  const count = Number(values.seeds);
  for (let seed = first; seed < first + count; seed++) {
    const report = new World({ seed }).run();
    done++;
    for (const [name, times] of report.met) met.set(name, (met.get(name) ?? 0) + times);
    if (report.violations.length > 0) {
      failed++;
      console.log(`seed ${seed}: ${report.violations.slice(0, 3).join("; ")}`);
      if (failed > 20) break;
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  for (const [name, times] of [...met].sort()) console.log(`${String(times).padStart(8)}  ${name}`);
  console.log(`${done} worlds, ${failed} failed, ${(done / seconds).toFixed(0)} a second`);
  process.exitCode = failed > 0 ? 1 : 0;
}
