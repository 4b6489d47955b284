/**
 * Benchmarks: `npm run bench [-- ROW…] [--quick] [--rounds N] [--write]`. Rows are named by number
 * or name. The table goes to docs/benchmarks.md and the raw figures to docs/benchmarks.json; where
 * only some rows were run, with `--write` alone, and never from a quick run.
 */
import { parseArgs } from "node:util";
import { build } from "../build.ts";
import { install } from "../install.ts";
import { pageText, rawRows, writePage } from "./page.ts";
import { killAll } from "./processes.ts";
import type { Row, RowResult } from "./row.ts";
import { codec } from "./rows/codec.ts";
import { comeback } from "./rows/comeback.ts";
import { fanOut } from "./rows/fanOut.ts";
import { growth } from "./rows/growth.ts";
import { heartbeats } from "./rows/heartbeats.ts";
import { idleAgent } from "./rows/idleAgent.ts";
import { liveOutput } from "./rows/liveOutput.ts";
import { memory } from "./rows/memory.ts";
import { overSsh } from "./rows/overSsh.ts";
import { durablePeers, latency, throughput } from "./rows/requests.ts";
import { slowDisk } from "./rows/slowDisk.ts";
import { starts } from "./rows/starts.ts";

/** The one that waits longest comes last. */
const rows: Row[] = [
  ...[throughput, durablePeers, latency, fanOut, memory, heartbeats, comeback],
  ...[starts, overSsh, slowDisk, growth, liveOutput, codec, idleAgent],
];
const { isQuick, isForced, rounds, chosen } = orderOf(process.argv.slice(2));
for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    killAll();
    process.exit(status);
  });
}

for (const [name, program, purpose] of [
  ["nats-server", "nats-server", "the comparison with NATS"],
  ["redis-server", "redis-server", "the comparison with BullMQ"],
  ["openssh-server", "/usr/sbin/sshd", "the comparisons over SSH"],
  ["openssh-client", "ssh", "the comparisons over SSH"],
  ["ansible-core", "ansible", "the comparison with Ansible"],
  ["clustershell", "clush", "the comparison with ClusterShell"],
] as const) {
  install(name, purpose, () => Bun.which(program) !== null);
}
await build({ outfile: "dist/wsctl" });
const isWritten = !isQuick && (isForced || chosen.length === rows.length);
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
    killAll();
    console.error(`   could not be measured: ${error instanceof Error ? error.stack : error}`);
  }
}
if (isQuick)
  console.log("\nquick: smaller fleets, fewer and shorter rounds; goals are meant for a full run");
if (isWritten) console.log("\nwrote docs/benchmarks.md and docs/benchmarks.json");
else console.log(`\n${pageText(rawRows(results, { rounds, isQuick }))}`);
if (failed.length > 0) console.error(`rows that could not be measured: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);

/** What the command line asks for; ends the process where that makes no sense. */
function orderOf(args: string[]) {
  const options = {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    if (values.help) refuse(usage(), 0);
    const isNamed = (row: Row) => (word: string) => word === row.name || word === `${row.number}`;
    const unknown = positionals.find((word) => !rows.some((row) => isNamed(row)(word)));
    if (unknown !== undefined) throw new Error(`There is no row "${unknown}"`);
    const text = values.rounds ?? (values.quick ? "1" : "5");
    if (!/^[1-9]\d{0,2}$/.test(text)) throw new Error(`"--rounds ${text}": want 1 to 999`);
    return {
      isQuick: values.quick,
      isForced: values.write,
      rounds: Number(text),
      chosen: rows.filter((row) => positionals.length === 0 || positionals.some(isNamed(row))),
    };
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : `${error}`).split(". ");
    return refuse(`${reason}\n${usage()}`, 2);
  }
}

function usage(): string {
  const names = rows
    .toSorted((one, other) => one.number - other.number)
    .map(({ number, name }) => `${number} (${name})`);
  return `npm run bench [-- ROW…] [--quick] [--rounds N] [--write]\nrows: ${names.join(", ")}`;
}

function refuse(text: string, status: number): never {
  (status === 0 ? console.log : console.error)(text);
  process.exit(status);
}
