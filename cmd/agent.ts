import { hostname } from "node:os";
import { join } from "node:path";
import { type ArgsDef, defineCommand } from "citty";
import * as v from "valibot";
import { CommandTrust } from "../lib/agent/identity/commandTrust.ts";
import { assertNoEarlierJournal, openAgentJournal } from "../lib/agent/journal/journal.ts";
import { restoreLogBackup } from "../lib/agent/journal/logBackup.ts";
import { runAgent } from "../lib/agent/start.ts";
import { createTrialReporter } from "../lib/agent/update/trialReporter.ts";
import { parseJoin } from "../lib/protocol/api/joinString.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { parsePublicKey } from "../lib/protocol/keys.ts";
import { acceptedMax, outputBytesMax, runningMax } from "../lib/protocol/limits.ts";
import { AgentId } from "../lib/protocol/names.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { startZombieReaper } from "../lib/runtime/zombieReaper.ts";
import { openFileStorage } from "../lib/store/log/fileStorage.ts";
import { systemClock } from "../lib/time/clock.ts";
import { readJoinText } from "./agent/joinText.ts";
import { breakIfPlanted } from "./agent/plantedFault.ts";
import { restart, trialFault, update } from "./agent/replaceProcess.ts";
import { type ClientFlags, clientArgs, logArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "./cli/exit.ts";
import { createCliLog } from "./cli/log.ts";
import { defaultCommandsDir, defaultLogsDir, defaultServicesDir } from "./cli/paths.ts";
import { fromStart, leaveStartDirectory, withAbsolutePaths } from "./cli/startDirectory.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { openAgentConnection } from "./flags/agentConnection.ts";
import { auditRetentionArg, auditRetentionMs } from "./flags/auditRetention.ts";
import { assertNoHostileVariables, resolveDataDir, tokenReader } from "./flags/connection.ts";
import { parseLabels } from "./flags/labels.ts";
import { parseSeconds, wholeNumber } from "./flags/values.ts";

const { json: _json, ...accessArgs } = clientArgs;

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
  "commands-dir": {
    type: "string",
    valueHint: "DIR",
    description: "directory of custom command manifests; see wsctl commands",
  },
  "services-dir": {
    type: "string",
    valueHint: "DIR",
    description: "directory of services that restart may restart; see wsctl commands lint",
  },
  "logs-dir": {
    type: "string",
    valueHint: "DIR",
    description: "directory of log sources that fetch_logs may read; see wsctl commands lint",
  },
  "max-running": {
    type: "string",
    default: String(runningMax),
    valueHint: "N",
    description: "maximum number of commands that run at the same time",
  },
  "max-waiting": {
    type: "string",
    default: String(acceptedMax),
    valueHint: "N",
    description: "maximum number of queued commands; more are rejected with BUSY",
  },
  "max-timeout": {
    type: "string",
    default: "24h",
    valueHint: "TIME",
    description: "maximum run time of any command on this host",
  },
  "max-output": {
    type: "string",
    default: `${outputBytesMax}`,
    valueHint: "BYTES",
    description: "bytes of output kept per program (head and tail)",
  },
  "release-key": {
    type: "string",
    valueHint: "KEY",
    description: "public key that may sign updates (repeatable); without one, updates are disabled",
  },
  "release-threshold": {
    type: "string",
    default: "1",
    valueHint: "N",
    description: "number of keys that must have signed an update",
  },
  trust: {
    type: "string",
    valueHint: "KEYS",
    description: "keys that must sign commands: KEY[,KEY], or update=2:KEY,KEY,KEY (repeatable)",
  },
  "allow-exec": {
    type: "string",
    valueHint: "PATTERN",
    description: "command lines that exec may run, such as 'df *' or '**' (repeatable)",
  },
  "key-lifetime": {
    type: "string",
    default: "30d",
    valueHint: "TIME",
    description: "maximum age of the agent's key before it is renewed",
  },
  "audit-retention": auditRetentionArg,
  heartbeat: {
    type: "string",
    default: "15s",
    valueHint: "TIME",
    description: "interval of heartbeats, unless the control plane sets another one",
  },
} as const satisfies ArgsDef;

export default defineCommand({
  meta: { name: "agent", description: "Run the agent on this host" },
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
    trust: lists.trust ?? [],
    allowExec: lists["allow-exec"] ?? [],
    releaseKeys: lists["release-key"] ?? [],
  };
}

export interface AgentRunOptions extends ClientFlags {
  "log-level"?: string;
  "log-json"?: boolean | undefined;
  join?: string | undefined;
  id?: string | undefined;
  "key-lifetime": string;
  "commands-dir"?: string | undefined;
  "services-dir"?: string | undefined;
  "logs-dir"?: string | undefined;
  labels: string[];
  trust: string[];
  allowExec: string[];
  releaseKeys: string[];
  "release-threshold": string;
  "max-running": string;
  "max-waiting": string;
  "max-timeout": string;
  "max-output": string;
  "audit-retention": string;
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
  const settings = hostSettings(options, agentId);
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
  const replacing = { runtime, log, dir, stopped };
  await runAgent(
    {
      url: access.url,
      agentUrl: access.agentUrl,
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
      restart: (wanted) => {
        void (wanted === undefined ? restart(replacing) : update(wanted, replacing));
      },
      ...(fault === undefined ? {} : { trialFault: fault }),
      ...(trial === undefined ? {} : { onTrial: trial }),
    },
    stopped,
  );
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
  hostSettings(options, parseAgentId(options.id ?? hostname().toLowerCase()));
}

/**
 * Returns the limits and settings of this host.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
function hostSettings(options: AgentRunOptions, agentId: string) {
  return {
    heartbeatSeconds: parseSeconds("heartbeat", options.heartbeat),
    keyLifetimeMs: parseSeconds("key-lifetime", options["key-lifetime"]) * 1000,
    commandsDir: fromStart(options["commands-dir"] ?? defaultCommandsDir(process.env)),
    servicesDir: fromStart(options["services-dir"] ?? defaultServicesDir(process.env)),
    logsDir: fromStart(options["logs-dir"] ?? defaultLogsDir(process.env)),
    allowExec: options.allowExec,
    limits: {
      running: wholeNumber("max-running", options["max-running"], 1, 1_000),
      waiting: wholeNumber("max-waiting", options["max-waiting"], 0, 10_000),
      timeoutMs: parseSeconds("max-timeout", options["max-timeout"]) * 1000,
    },
    auditRetention: {
      keepMs: auditRetentionMs(options["audit-retention"]),
      reason: `agent --audit-retention ${options["audit-retention"]}`,
    },
    trust: new CommandTrust(options.trust, agentId),
    ...(options.labels.length === 0 ? {} : { labels: parseLabels(options.labels) }),
    outputBytesMax: wholeNumber("max-output", options["max-output"], 256, outputBytesMax),
    releaseKeys: options.releaseKeys,
    releaseThreshold: parseThreshold(options),
  };
}

/** An invalid key or threshold is reported now, and not at the first update. */
function parseThreshold({ releaseKeys, ...options }: AgentRunOptions): number {
  for (const key of releaseKeys) {
    try {
      parsePublicKey(key);
    } catch (error) {
      throw usage(`Flag --release-key is "${key}": ${errorText(error)}`);
    }
  }
  const most = Math.max(1, releaseKeys.length);
  return wholeNumber("release-threshold", options["release-threshold"], 1, most);
}

function parseAgentId(text: string): string {
  const parsed = v.safeParse(AgentId, text);
  if (parsed.success) return parsed.output;
  throw usage(`Agent id "${text}": ${parsed.issues[0].message}; specify --id`);
}
