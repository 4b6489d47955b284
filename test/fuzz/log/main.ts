/**
 * Damages logs, as many as one likes, under Bun or Deno.
 *
 *   bun run test/fuzz/log/main.ts --logs 100000 [--from SEED]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { damageLogs } from "./run.ts";

const { values } = parseArgs({
  options: {
    logs: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
  },
});

const progressLogs = 20_000;
const say = (line: string) => void process.stdout.write(`${line}\n`);

const startedAt = performance.now();
const rate = (logs: number) =>
  `${(logs / ((performance.now() - startedAt) / 1000)).toFixed(0)} a second`;

const { logs, met, failure } = damageLogs(Number(values.from), Number(values.logs), (done) => {
  if (done % progressLogs === 0) say(`… ${done} damaged logs, ${rate(done)}`);
});

for (const [what, times] of [...met].sort()) say(`${String(times).padStart(9)}  ${what}`);
say(`${logs} damaged logs, ${rate(logs)}`);
if (failure !== undefined) {
  say(`seed ${failure.seed}: ${failure.why}`);
  process.exitCode = 1;
}
