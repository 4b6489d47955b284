import { hostname } from "node:os";
import { join } from "node:path";
import { type ArgsDef, defineCommand } from "citty";
import * as v from "valibot";
import { AgentMetrics } from "../lib/agent/agentMetrics.ts";
import { AddressBook } from "../lib/agent/identity/addressBook.ts";
import { assertNoEarlierJournal, openAgentJournal } from "../lib/agent/journal/journal.ts";
import { restoreLogBackup } from "../lib/agent/journal/logBackup.ts";
import { serveMetrics } from "../lib/agent/metricsServer.ts";
import { runAgent } from "../lib/agent/start.ts";
import { createTrialReporter } from "../lib/agent/update/trialReporter.ts";
import { parseJoin } from "../lib/protocol/api/joinString.ts";
import { toServerAddress } from "../lib/protocol/api/serverAddress.ts";
import { AgentId } from "../lib/protocol/names.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { startZombieReaper } from "../lib/runtime/zombieReaper.ts";
import { openFileStorage } from "../lib/store/log/fileStorage.ts";
import { systemClock } from "../lib/time/clock.ts";
import { watchExports } from "../lib/tracing/exportFaults.ts";
import { SpanSink } from "../lib/tracing/spanSink.ts";
import { readJoinText } from "./agent/joinText.ts";
import { isLoopback, parseMetricsAddress } from "./agent/metricsAddress.ts";
import { breakIfPlanted } from "./agent/plantedFault.ts";
import { restart, trialFault, update } from "./agent/replaceProcess.ts";
import { type ClientFlags, clientArgs, logArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "./cli/exit.ts";
import { createCliLog } from "./cli/log.ts";
import { fromStart, leaveStartDirectory, withAbsolutePaths } from "./cli/startDirectory.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { openAgentConnection } from "./flags/agentConnection.ts";
import { assertNoHostileVariables, resolveDataDir, tokenReader } from "./flags/connection.ts";
import { type HostFlags, hostArgs, hostLists, hostSettings } from "./flags/host.ts";
import { parseLabels } from "./flags/labels.ts";
import { auditRetentionArg, auditRetentionMs } from "./flags/retention.ts";
import { parseSeconds } from "./flags/values.ts";

const { json: _json, context: _context, ...accessArgs } = clientArgs;

export const agentArgs = {
  ...accessArgs,
  ...logArgs,
  join: {
    type: "string",
    valueHint: "STRING",
    description: "join string from wsctl tokens create --join; @FILE, or - for standard input",
  },
  id: {
    type: "string",
    valueHint: "NAME",
    description: "agent ID; default: the host name",
  },
  label: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "label for target selectors (repeatable)",
  },
  ...hostArgs,
  "key-lifetime": {
    type: "string",
    default: "30d",
    valueHint: "TIME",
    description: "maximum age of the agent's key before it is renewed",
  },
  "audit-retention": auditRetentionArg,
  metrics: {
    type: "string",
    valueHint: "[ADDRESS:]PORT",
    description: "serve metrics for Prometheus there; without an address on loopback",
  },
  heartbeat: {
    type: "string",
    default: "15s",
    valueHint: "TIME",
    description: "interval of heartbeats, unless the control plane sets another one",
  },
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "agent",
    description: "Run the agent on this host",
    examples: [
      "wsctl agent",
      "wsctl agent --join @/root/join --label role=web",
      "wsctl agent --allow-exec 'systemctl status **'",
    ],
  },
  args: agentArgs,
  run: ({ args, data }) => agentRun(toAgentOptions(args, (data as CommandData).lists)),
});

/** Returns the options of parsed arguments, with absolute paths. */
export function toAgentOptions<T extends { join?: string | undefined }>(
  args: T,
  lists: CommandData["lists"],
) {
  return {
    ...withAbsolutePaths(args, agentArgs),
    join: args.join?.replace(/^@(.+)/s, (_, file: string) => `@${fromStart(file)}`),
    labels: lists.label ?? [],
    ...hostLists(lists),
  };
}

export interface AgentRunOptions extends ClientFlags, HostFlags {
  "log-level"?: string;
  "log-json"?: boolean | undefined;
  join?: string | undefined;
  id?: string | undefined;
  "key-lifetime": string;
  labels: string[];
  "audit-retention": string;
  metrics?: string | undefined;
  heartbeat: string;
}

/**
 * Runs until SIGINT or SIGTERM. If the control plane is not running yet, the agent waits for it.
 */
async function agentRun(options: AgentRunOptions): Promise<number> {
  assertNoHostileVariables();
  refuseStdinToken(options);
  const log = createCliLog(options);
  const stop = new AbortController();
  const stopped = AbortSignal.any([waitForSignal(() => process.exit(exitFailed)), stop.signal]);
  const trial = createTrialReporter(() => stop.abort());
  const fault = trialFault();
  const agentsDir = join(resolveDataDir(options), "agents");
  const likelyId = parseAgentId(options.id ?? hostname().toLowerCase());
  // The join string should not be on the command line, which other users of this host can read.
  const joining = readJoinText(options.join, join(agentsDir, likelyId));
  const invited = joining.text === undefined ? undefined : parseJoin(joining.text).agentId;
  const agentId = parseAgentId(options.id ?? invited ?? likelyId);
  // Checked first, so that an invalid flag has no effect on the host.
  const settings = agentSettings(options, agentId);
  const scraped = options.metrics === undefined ? undefined : parseMetricsAddress(options.metrics);
  const dir = join(agentsDir, agentId);
  const runtime = await loadRuntime();
  // The process that replaces this one gets the same ID, whatever the host is called by then.
  process.env.WSCTL_ID = agentId;
  leaveStartDirectory();
  startZombieReaper(runtime);
  const logDir = join(dir, "log");
  const clock = systemClock();
  await breakIfPlanted(logDir);
  // A trial that was interrupted, for example by a reboot, leaves a backup of the log.
  if (trial === undefined) restoreLogBackup(logDir);
  assertNoEarlierJournal(dir);
  const storage = openFileStorage({ path: logDir, tryLock: runtime.tryLock });
  const journal = openAgentJournal({ storage, clock });
  const access = await openAgentConnection({
    ...{ flags: options, joining, agentId, dir, runtime, log },
    signal: stopped,
  });
  if (access === undefined) return exitOk;
  const spans = await SpanSink.open("wsctl-agent", watchExports(log, clock));
  const replacing = { runtime, log, dir, stopped };
  const metrics = scraped === undefined ? undefined : new AgentMetrics();
  if (scraped !== undefined && !isLoopback(scraped.host)) {
    log.warn("The network can read the metrics of this agent without a token", { ...scraped });
  }
  const closeMetrics =
    scraped && metrics ? serveMetrics({ ...scraped, metrics, clock, log }) : () => {};
  await runAgent(
    {
      addresses: new AddressBook(join(dir, "addresses.json"), access, log),
      token: access.identity ? () => "" : tokenReader(options, access.token, log),
      serverTrust: access.trust,
      ...(access.identity === undefined ? {} : { identity: access.identity }),
      ...settings,
      agentId,
      journal,
      updatesDir: join(dir, "updates"),
      runsDir: join(dir, "runs"),
      runtime,
      clock,
      log,
      spans,
      metrics,
      onAccepted: () => {
        const { identity, url, agentUrl } = access;
        // An endpoint at a path of its own is not the address of a control plane.
        const isBase = toServerAddress(url).agentUrl === agentUrl;
        if (identity === undefined || identity.stored.url === url || !isBase) return;
        identity.update({ url });
        log.info(`address of the control plane stored: ${url}`);
      },
      restart: (wanted) => {
        void (wanted === undefined ? restart(replacing) : update(wanted, replacing));
      },
      ...(fault === undefined ? {} : { trialFault: fault }),
      ...(trial === undefined ? {} : { onTrial: trial }),
    },
    stopped,
  );
  closeMetrics();
  await spans?.close();
  return exitOk;
}

function refuseStdinToken(options: AgentRunOptions): void {
  if (options["token-file"] !== "-") return;
  const text = "an agent reads its token again at each restart";
  throw usage(
    `Flag --token-file cannot be standard input: ${text}. Specify a file, or set WSCTL_TOKEN`,
  );
}

/**
 * Checks the flags of an agent without effect on the host.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
export function checkAgentOptions(options: AgentRunOptions): void {
  refuseStdinToken(options);
  agentSettings(options, parseAgentId(options.id ?? hostname().toLowerCase()));
  if (options.metrics !== undefined) parseMetricsAddress(options.metrics);
}

/**
 * Returns the settings of this agent.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
function agentSettings(options: AgentRunOptions, agentId: string) {
  return {
    heartbeatSeconds: parseSeconds("heartbeat", options.heartbeat),
    keyLifetimeMs: parseSeconds("key-lifetime", options["key-lifetime"]) * 1000,
    auditRetention: {
      keepMs: auditRetentionMs(options["audit-retention"]),
      reason: `agent --audit-retention ${options["audit-retention"]}`,
    },
    ...(options.labels.length === 0 ? {} : { labels: parseLabels(options.labels) }),
    ...hostSettings(options, agentId),
  };
}

function parseAgentId(text: string): string {
  const parsed = v.safeParse(AgentId, text);
  if (parsed.success) return parsed.output;
  const lower = text.toLowerCase();
  const fix = v.is(AgentId, lower) ? `--id ${lower}` : "--id";
  throw usage(`Agent id "${text}": ${parsed.issues[0].message}; specify ${fix}`);
}
