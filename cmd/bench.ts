import { readFileSync } from "node:fs";
import { defineCommand } from "citty";
import { fanOut, type Load, load, type Operator } from "../lib/bench/load.ts";
import { removeAgents, SimulatedFleet } from "../lib/bench/simulatedFleet.ts";
import { Client } from "../lib/client/client.ts";
import type { OutcomeKind } from "../lib/protocol/api/views.ts";
import { errorText, WsctlError } from "../lib/protocol/errors.ts";
import { version } from "../lib/protocol/wire/version.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { systemClock } from "../lib/time/clock.ts";
import { type BenchReport, type Loads, printReport } from "./bench/benchReport.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitInterrupted, exitOk } from "./cli/exit.ts";
import { readConnection, readLocal, resolveDataDir } from "./flags/connection.ts";
import { wholeNumber } from "./flags/values.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";

/** The limit of open connections of one process, with a reserve for other files. */
const agentsMax = 15_000;
const oneByOne = 200;

export default defineCommand({
  meta: {
    name: "bench",
    description: "Measure a control plane with simulated agents, which are removed afterwards",
    examples: [
      ...["wsctl bench", "wsctl bench --agents 5000 --requests 20000", "wsctl bench --session"],
    ],
  },
  args: {
    ...clientArgs,
    agents: {
      type: "string",
      default: "100",
      valueHint: "N",
      description: "number of simulated agents",
    },
    requests: {
      type: "string",
      default: "5000",
      valueHint: "N",
      description: "number of requests",
    },
    concurrency: {
      type: "string",
      default: "64",
      valueHint: "N",
      description: "requests in flight at the same time",
    },
    session: {
      type: "boolean",
      description: "also send the requests over one operator session",
    },
    remove: {
      type: "string",
      valueHint: "RUN",
      description: "remove what an interrupted run left; each run prints its name",
    },
  },
  run: ({ args }) => benchRun(args),
});

export interface BenchFlags extends ClientFlags {
  agents: string;
  requests: string;
  concurrency: string;
  session?: boolean | undefined;
  remove?: string | undefined;
  json?: boolean | undefined;
}

/**
 * Creates tokens and agents for the run, and deletes them at the end, also after Ctrl-C; jobs and
 * revoked tokens stay in the history. The report is printed last, because standard output may be
 * closed.
 */
async function benchRun(flags: BenchFlags): Promise<number> {
  const count = wholeNumber("agents", flags.agents, 1, agentsMax);
  const requests = wholeNumber("requests", flags.requests, 1, 10_000_000);
  const atOnce = wholeNumber("concurrency", flags.concurrency, 1, 1_000);
  const { url, agentUrl, token, trust } = readConnection(flags);
  const runtime = await loadRuntime();
  const client = new Client({
    ...{ url, token, fetch: runtime.fetchWith(trust) },
    connect: async (options, events) => runtime.connect({ ...options, trust }, events),
  });
  if (flags.remove !== undefined) return removeRun(client, flags.remove);
  requireFiles(count + atOnce);
  const run = crypto.randomUUID().slice(0, 8);
  const agentIds = Array.from({ length: count }, (_, index) => `${buildPrefix(run)}${index}`);
  const abort = new AbortController();
  // A further signal also waits for the cleanup.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => abort.abort());
  }
  const fleet = new SimulatedFleet({
    ...{ client, agentIds, runtime, clock: systemClock(), statusSeconds: 60 },
    url: agentUrl,
    trust,
  });
  const { signal } = abort;
  let report: BenchReport | undefined;
  let isLeft = false;
  try {
    remark(`Creating ${count} simulated agents for run ${run}`);
    report = await measured(
      { fleet, client, agentIds, requests, atOnce, signal, withSession: flags.session === true },
      () => readMemory(flags, url),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    isLeft = !(await isRemoved(fleet, run));
  }
  if (report === undefined) return isLeft ? exitFailed : exitInterrupted;
  if (flags.json) printJson({ url, version, ...report });
  else printReport(url, report);
  return !isLeft && Object.keys(report.outcomes).join() === "success" ? exitOk : exitFailed;
}

/** Counts connections, calls, and files of the runtime itself. */
function requireFiles(connections: number): void {
  const wanted = connections + 100;
  const most = openFilesMax();
  if (most === undefined || most >= wanted) return;
  const text = `${wanted} open files are required, but the limit is ${most}`;
  throw new WsctlError(
    "USAGE",
    `Cannot simulate this number of agents: ${text}. Raise it with "ulimit -n"`,
  );
}

/** Returns undefined if the system reports no limit. */
function openFilesMax(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, most] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return most === undefined ? undefined : Number(most);
  } catch {
    // The system has no `/proc`.
    return undefined;
  }
}

async function isRemoved(fleet: SimulatedFleet, run: string): Promise<boolean> {
  if (fleet.isEmpty) return true;
  remark("Removing the simulated agents");
  try {
    await fleet.remove();
    return true;
  } catch (error) {
    remark(`wsctl: ${errorText(error)}`);
    remark(`Simulated agents may remain; remove them with: wsctl bench --remove ${run}`);
    return false;
  }
}

interface Bench {
  fleet: SimulatedFleet;
  client: Client;
  agentIds: readonly string[];
  requests: number;
  atOnce: number;
  signal: AbortSignal;
  withSession: boolean;
}

/** Returns undefined if it was interrupted. */
async function measured(bench: Bench, memory: () => number | undefined) {
  const { fleet, client, agentIds, requests, atOnce, signal, withSession } = bench;
  const before = memory();
  await fleet.makeTokens(signal);
  if (signal.aborted) return undefined;
  remark("Connecting simulated agents");
  const begun = performance.now();
  await fleet.connect(signal);
  if (signal.aborted) return undefined;
  const connectSeconds = (performance.now() - begun) / 1000;
  const connected = memory();
  remark(`Sending ${quantity(requests, "request")}, ${atOnce} in flight`);
  const plain = await loadAll(bench, { client });
  if (signal.aborted) return undefined;
  const session = withSession ? await loadSession(bench) : undefined;
  if (signal.aborted) return undefined;
  const after = memory();
  const isKnown = before !== undefined && connected !== undefined && after !== undefined;
  const report: BenchReport = {
    agents: agentIds.length,
    connect_seconds: connectSeconds,
    ...plain.loads,
    ...(session === undefined ? {} : { session: session.loads }),
    ...(isKnown ? { memory: { before, connected, after } } : {}),
    outcomes: sumOutcomes([...plain.outcomes, ...(session?.outcomes ?? [])]),
  };
  return report;
}

async function loadAll({ agentIds, requests, atOnce, signal }: Bench, operator: Operator) {
  const one = await load(operator, agentIds, Math.min(oneByOne, requests), 1, signal);
  const many = await load(operator, agentIds, requests, atOnce, signal);
  const { ms: fan_out_ms, outcomes } = await fanOut(operator, agentIds, signal);
  const loads: Loads = { one_by_one: one, at_once: { ...many, concurrency: atOnce }, fan_out_ms };
  return { loads, outcomes: [one.outcomes, many.outcomes, outcomes] };
}

async function loadSession(bench: Bench) {
  const { client, requests, atOnce } = bench;
  remark(`Sending ${quantity(requests, "request")} over one session, ${atOnce} in flight`);
  await using session = await client.session();
  return await loadAll(bench, { client, session });
}

/** Deletes what an earlier run could not delete. */
async function removeRun(client: Client, run: string): Promise<number> {
  if (!/^[0-9a-f]{8}$/.test(run)) {
    const text = `Flag --remove is "${run}": expected the eight hexadecimal digits of a run`;
    throw new WsctlError("USAGE", text);
  }
  const ofRun = (agentId = "") => agentId.startsWith(buildPrefix(run));
  const tokens = (await client.tokens()).filter((token) => token.state !== "revoked");
  const named = [...tokens, ...(await client.agents())].map(({ agent_id }) => agent_id ?? "");
  const ids = [...new Set(named.filter(ofRun))];
  if (ids.length === 0) throw new WsctlError("NO_MATCH", `No agents of run "${run}" are left`);
  await removeAgents(client, ids);
  print(`removed ${quantity(ids.length, "agent")}`);
  return exitOk;
}

const buildPrefix = (run: string) => `bench-${run}-`;

function sumOutcomes(all: readonly Load["outcomes"][]): Load["outcomes"] {
  const sum: Load["outcomes"] = {};
  for (const [outcome, count] of all.flatMap(Object.entries) as [OutcomeKind, number][]) {
    sum[outcome] = (sum[outcome] ?? 0) + count;
  }
  return sum;
}

/** Reads the memory of the control plane, if it runs on this host and is readable. */
function readMemory(flags: ClientFlags, url: string): number | undefined {
  const local = readLocal(resolveDataDir(flags));
  if (local?.url !== url) return undefined;
  try {
    const status = readFileSync(`/proc/${local.pid}/status`, "utf8");
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    // The system has no `/proc`.
    return undefined;
  }
}
