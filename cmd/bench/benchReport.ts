/** What `wsctl bench` has measured, in words. */
import type { Load } from "../../lib/bench/load.ts";
import { print } from "../output/stdio.ts";

/** With fewer agents, the memory per agent is too inexact to show. */
const fleetAgents = 5_000;

export interface Loads {
  one_by_one: Load;
  at_once: Load & { concurrency: number };
  fan_out_ms: number;
}

export interface BenchReport extends Loads {
  agents: number;
  connect_seconds: number;
  /** The same over one operator session, if requested. */
  session?: Loads;
  /** Memory of the control plane in bytes; absent if it cannot be read. */
  memory?: { before: number; connected: number; after: number };
  outcomes: Load["outcomes"];
}

export function printReport(url: string, report: BenchReport): void {
  const { agents, memory, session } = report;
  const rows: [string, string][] = [
    ["control plane", url],
    ["agents", `${agents}, connected within ${report.connect_seconds.toFixed(1)} s`],
    ...loadRows(report),
    ...(session === undefined ? [] : [["over one session", ""] as [string, string]]),
    ...(session === undefined ? [] : loadRows(session)),
    ["memory", memory === undefined ? "unknown" : formatMemory(report)],
    ["all outcomes", formatOutcomes(report.outcomes)],
  ];
  for (const [name, text] of rows) print(`${name.padEnd(16)}${text}`.trimEnd());
}

function loadRows({ one_by_one: first, at_once: many, fan_out_ms: ms }: Loads): [string, string][] {
  return [
    ["one at a time", formatLoad(first)],
    [`${many.concurrency} at a time`, formatLoad(many)],
    ["one job to all", `${Math.round(ms)} ms to the last outcome`],
  ];
}

function formatLoad(load: Load): string {
  const text = (ms: number) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
  const { p50_ms, p90_ms, p99_ms, most_ms } = load;
  const shares = `p50 ${text(p50_ms)}, p90 ${text(p90_ms)}, p99 ${text(p99_ms)}`;
  return `${Math.round(load.requests_per_second)} requests/s; ${shares}, max ${text(most_ms)}`;
}

/** With few agents, the difference says nothing about each of them. */
function formatMemory({ memory, agents }: BenchReport): string {
  const { before = 0, connected = 0, after = 0 } = memory ?? {};
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const each = `${((connected - before) / agents / 1e3).toFixed(1)} KB each`;
  const isTelling = agents >= fleetAgents && connected > before;
  const shown = `with the agents${isTelling ? ` (${each})` : ""}`;
  return `${mb(before)} before, ${mb(connected)} ${shown}, ${mb(after)} after`;
}

function formatOutcomes(outcomes: Load["outcomes"]): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");
}
