/**
 * Benchmarks: `npm run bench [-- ROW…] [--quick] [--rounds N] [--write]`. Rows are named by number
 * or name. The table goes to docs/benchmarks.md and the raw figures to docs/benchmarks.json; where
 * only some rows were run, with `--write` alone, and never from a quick run.
 */
import { parseArgs } from "node:util";
import { build } from "../build.ts";
import { install } from "../install.ts";
import { pageText, rawRows, writePage } from "./page.ts";
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
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    write: { type: "boolean", default: false },
  },
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
const isWritten = !isQuick && (values.write || chosen.length === rows.length);
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
    if (isWritten) writePage("docs", results, { rounds, isQuick });
  } catch (error) {
    failed.push(row.number);
    console.error(`   could not be measured: ${error instanceof Error ? error.stack : error}`);
  }
}
if (isWritten) console.log("\nwrote docs/benchmarks.md and docs/benchmarks.json");
else console.log(`\n${pageText(rawRows(results, { rounds, isQuick }))}`);
if (failed.length > 0) console.error(`rows that could not be measured: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
