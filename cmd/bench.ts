import { readFileSync } from "node:fs";
import { defineCommand } from "citty";
import { SimulatedFleet } from "../lib/bench/fleet.ts";
import { fanOut, type Load, load } from "../lib/bench/load.ts";
import { Client } from "../lib/client/client.ts";
import { steadyClock } from "../lib/clock.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { accessOf, dataDirOf, readLocal } from "./_access.ts";
import { exitFailed, exitInterrupted, exitOk } from "./_exit.ts";
import { type ClientFlags, clientArgs } from "./_flags.ts";
import { print, printJson, remark } from "./_output.ts";
import { wholeNumber } from "./_units.ts";

/** What one process may have open, with room for everything else. */
const agentsMax = 15_000;
const oneByOne = 200;

export default defineCommand({
  meta: {
    name: "bench",
    description: "Measure a control plane with simulated agents, which are removed again",
    examples: ["wsctl bench", "wsctl bench --agents 5000 --requests 20000"],
  },
  args: {
    ...clientArgs,
    agents: { type: "string", default: "100", valueHint: "N", description: "agents to simulate" },
    requests: { type: "string", default: "5000", valueHint: "N", description: "requests to send" },
    concurrency: {
      type: "string",
      default: "64",
      valueHint: "N",
      description: "so many at a time",
    },
  },
  run: ({ args }) => benchRun(args),
});

export interface BenchFlags extends ClientFlags {
  agents: string;
  requests: string;
  concurrency: string;
  json?: boolean | undefined;
}

interface Report {
  url: string;
  agents: number;
  connect_seconds: number;
  one_by_one: Load;
  at_once: Load & { concurrency: number };
  fan_out_ms: number;
  /** Of the control plane, in bytes; absent where it runs on another host. */
  memory?: { before: number; connected: number; after: number };
}

/** Tokens and agents are made for it, and go with it, also on Ctrl-C; its jobs stay in history. */
export async function benchRun(flags: BenchFlags): Promise<number> {
  const count = wholeNumber("agents", flags.agents, 1, agentsMax);
  const requests = wholeNumber("requests", flags.requests, 1, 10_000_000);
  const atOnce = wholeNumber("concurrency", flags.concurrency, 1, 1_000);
  const { url, token, ca } = accessOf(flags);
  const runtime = await loadRuntime();
  const client = new Client({ url, token, fetch: runtime.fetchWith(ca) });
  const run = crypto.randomUUID().slice(0, 8);
  const agentIds = Array.from({ length: count }, (_, index) => `bench-${run}-${index}`);
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
  const clock = steadyClock();
  const fleet = new SimulatedFleet({
    ...{ client, agentIds, runtime, clock, statusSeconds: 60 },
    url: `${url.replace("http", "ws")}/agent`,
    ...(ca === undefined ? {} : { ca }),
  });
  const pid = localPid(flags, url);
  const memory = () => (pid === undefined ? 0 : residentBytes(pid));
  const { signal } = abort;
  try {
    const before = memory();
    remark(`Connecting ${count} simulated agents to ${url}`);
    const begun = performance.now();
    await Promise.race([fleet.start(), aborted(signal)]);
    const connectSeconds = (performance.now() - begun) / 1000;
    const connected = memory();
    remark(`Sending ${requests} requests, ${atOnce} at a time`);
    const first = await load(client, agentIds, Math.min(oneByOne, requests), 1, signal);
    const many = await load(client, agentIds, requests, atOnce, signal);
    const { ms, outcomes } = await fanOut(client, agentIds, signal);
    const report: Report = {
      ...{ url, agents: count, connect_seconds: connectSeconds, one_by_one: first },
      ...{ at_once: { ...many, concurrency: atOnce }, fan_out_ms: ms },
      ...(pid === undefined ? {} : { memory: { before, connected, after: memory() } }),
    };
    if (flags.json) printJson(report);
    else printReport(report);
    const all = [first.outcomes, many.outcomes, outcomes];
    return all.every((each) => Object.keys(each).join() === "success") ? exitOk : exitFailed;
  } catch (error) {
    if (signal.aborted) return exitInterrupted;
    throw error;
  } finally {
    remark("Removing the simulated agents");
    await fleet.remove();
  }
}

function printReport(report: Report): void {
  const { url, agents, one_by_one: first, at_once: many, memory } = report;
  const rows: [string, string][] = [
    ["control plane", url],
    ["agents", `${agents}, connected within ${report.connect_seconds.toFixed(1)} s`],
    ["one at a time", latencyText(first)],
    [
      `${many.concurrency} at a time`,
      `${Math.round(many.requests / many.seconds)} requests/s; ${latencyText(many)}`,
    ],
    ["one job to all", `${Math.round(report.fan_out_ms)} ms to the last outcome`],
    ["memory", memory === undefined ? "not known: it runs on another host" : memoryText(report)],
    ["outcomes", outcomesText(many.outcomes)],
  ];
  for (const [name, text] of rows) print(`${name.padEnd(16)}${text}`);
}

function latencyText({ p50, p90, p99, most }: Load): string {
  const text = (ms: number) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
  return `p50 ${text(p50)}, p90 ${text(p90)}, p99 ${text(p99)}, at most ${text(most)}`;
}

function memoryText({ memory, agents }: Report): string {
  const { before = 0, connected = 0, after = 0 } = memory ?? {};
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const each = `${((connected - before) / agents / 1e3).toFixed(1)} KB each`;
  return `${mb(before)} before, ${mb(connected)} with the agents (${each}), ${mb(after)} after`;
}

function outcomesText(outcomes: Load["outcomes"]): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");
}

/** Of the control plane, where it is the one that runs on this host. */
function localPid(flags: ClientFlags, url: string): number | undefined {
  const local = readLocal(dataDirOf(flags));
  return local?.url === url && residentBytes(local.pid) > 0 ? local.pid : undefined;
}

/** 0 where it cannot be known, as on systems without `/proc`. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, kilobytes] =
      /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("interrupted")));
  });
}
