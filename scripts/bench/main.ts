/**
 * Benchmarks: `npm run bench [-- ROW…] [--quick]`. Rows are named by number or name. The table goes
 * to docs/benchmarks.md and the raw figures to docs/benchmarks.json, unless only some rows were run.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "../build.ts";
import { install } from "../install.ts";
import { pageOf } from "./page.ts";
import { svgOf } from "./plot.ts";
import type { Row, RowResult } from "./row.ts";
import { codec } from "./rows/codec.ts";
import { comeback } from "./rows/comeback.ts";
import { fanOut } from "./rows/fanOut.ts";
import { growth } from "./rows/growth.ts";
import { heartbeats } from "./rows/heartbeats.ts";
import { idleAgent } from "./rows/idleAgent.ts";
import { liveOutput } from "./rows/liveOutput.ts";
import { memory } from "./rows/memory.ts";
import { latency, throughput } from "./rows/requests.ts";
import { starts } from "./rows/starts.ts";

/** The one that waits longest comes last. */
const rows: Row[] = [
  ...[throughput, latency, fanOut, memory, heartbeats, comeback],
  ...[starts, growth, liveOutput, codec, idleAgent],
];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, rounds: { type: "string" } },
});
const isQuick = values.quick;
const rounds = Number(values.rounds ?? (isQuick ? 1 : 5));
const chosen = rows.filter(({ number, name }) => {
  return (
    positionals.length === 0 || positionals.some((word) => word === name || word === `${number}`)
  );
});
if (chosen.length === 0) {
  const names = rows.map(({ number, name }) => `${number} (${name})`).join(", ");
  console.error(`No such row: there are ${names}`);
  process.exit(2);
}

install("nats-server", "the comparison with NATS", () => Bun.which("nats-server") !== null);
await build({ outfile: "dist/wsctl" });
const isFull = chosen.length === rows.length && !isQuick;
const results = new Map<Row, RowResult>();
const failed: number[] = [];
for (const row of chosen) {
  console.log(`\n${row.number}. ${row.measure}`);
  const say = (text: string) => console.log(`   ${text}`);
  try {
    const result = await row.run({ isQuick, rounds, say });
    results.set(row, result);
    for (const goal of result.goals) {
      console.log(`   ${goal.isMet ? "met   " : "NOT MET"} ${goal.text}: ${goal.ratio.toFixed(2)}`);
    }
    // After each row: what was measured is not lost with a later one.
    if (isFull) await write();
  } catch (error) {
    failed.push(row.number);
    console.error(`   could not be measured: ${error instanceof Error ? error.stack : error}`);
  }
}
if (isFull) console.log("\nwrote docs/benchmarks.md and docs/benchmarks.json");
else console.log(`\n${(await pageOf(results, { rounds, isQuick })).text}`);
if (failed.length > 0) console.error(`rows that could not be measured: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);

async function write(): Promise<void> {
  const page = await pageOf(results, { rounds, isQuick });
  writeFileSync("docs/benchmarks.md", page.text);
  writeFileSync("docs/benchmarks.json", `${JSON.stringify(page.raw, null, 2)}\n`);
  for (const plot of [...results.values()].flatMap(({ plots = [] }) => plots)) {
    writeFileSync(`docs/benchmarks-${plot.name}.svg`, svgOf(plot));
  }
}
