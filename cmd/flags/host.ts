/** The flags of an agent that say what may run on its host, and within which limits. */
import type { ArgsDef } from "citty";
import { checkPathPattern } from "../../lib/agent/files/pathPatterns.ts";
import { CommandTrust } from "../../lib/agent/identity/commandTrust.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { parsePublicKey } from "../../lib/protocol/keys.ts";
import { acceptedMax, outputBytesMax, runningMax } from "../../lib/protocol/limits.ts";
import { isWindows } from "../../lib/system/current.ts";
import { defaultCommandsDir, defaultLogsDir, defaultServicesDir } from "../cli/paths.ts";
import { fromStart } from "../cli/startDirectory.ts";
import { type CommandData, usage } from "../cli/strictArgs.ts";
import { parseSeconds, wholeNumber } from "./values.ts";

export const hostArgs = {
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
  "allow-scripts": {
    type: "string",
    valueHint: "all|KEYS",
    description: "run scripts of wsctl run: all, or those signed by [N:]KEY[,KEY]; default: none",
  },
  "allow-push": {
    type: "string",
    valueHint: "PATTERN",
    description: "paths that wsctl push may write, such as '/etc/nginx/**' (repeatable)",
  },
  "allow-pull": {
    type: "string",
    valueHint: "PATTERN",
    description: "paths that wsctl pull may read, such as '/var/log/**' (repeatable)",
  },
  "allow-exec": {
    type: "string",
    valueHint: "PATTERN",
    description: "command lines that exec may run, such as 'df *' or '**' (repeatable)",
  },
} as const satisfies ArgsDef;

export interface HostFlags {
  "commands-dir"?: string | undefined;
  "services-dir"?: string | undefined;
  "logs-dir"?: string | undefined;
  trust: string[];
  allowExec: string[];
  allowPush: string[];
  allowPull: string[];
  "allow-scripts"?: string | undefined;
  releaseKeys: string[];
  "release-threshold": string;
  "max-running": string;
  "max-waiting": string;
  "max-timeout": string;
  "max-output": string;
}

/** Returns the values of the flags of a host that may be repeated. */
export function hostLists(lists: CommandData["lists"]) {
  return {
    trust: lists.trust ?? [],
    allowExec: lists["allow-exec"] ?? [],
    allowPush: lists["allow-push"] ?? [],
    allowPull: lists["allow-pull"] ?? [],
    releaseKeys: lists["release-key"] ?? [],
  };
}

/**
 * Returns what may run on this host, and its limits.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
export function hostSettings(options: HostFlags, agentId: string) {
  const scripts = options["allow-scripts"];
  assertOffered(options, isWindows);
  return {
    commandsDir: fromStart(options["commands-dir"] ?? defaultCommandsDir(process.env)),
    servicesDir: fromStart(options["services-dir"] ?? defaultServicesDir(process.env)),
    logsDir: fromStart(options["logs-dir"] ?? defaultLogsDir(process.env)),
    allowExec: options.allowExec,
    allowPush: checkPatterns("allow-push", options.allowPush),
    allowPull: checkPatterns("allow-pull", options.allowPull),
    allowsScripts: scripts !== undefined,
    limits: {
      running: wholeNumber("max-running", options["max-running"], 1, 1_000),
      waiting: wholeNumber("max-waiting", options["max-waiting"], 0, 10_000),
      timeoutMs: parseSeconds("max-timeout", options["max-timeout"]) * 1000,
    },
    trust: new CommandTrust(options.trust, agentId, scripts === "all" ? undefined : scripts),
    outputBytesMax: wholeNumber("max-output", options["max-output"], 256, outputBytesMax),
    releaseKeys: options.releaseKeys,
    releaseThreshold: parseThreshold(options),
  };
}

/**
 * Files and scripts of operators depend on owners, modes and links, which Windows has otherwise.
 * @throws {WsctlError} USAGE
 */
export function assertOffered(options: HostFlags, isOnWindows: boolean): void {
  const { allowPush, allowPull, "allow-scripts": scripts } = options;
  const given = Object.entries({
    "allow-push": allowPush.length > 0,
    "allow-pull": allowPull.length > 0,
    "allow-scripts": scripts !== undefined,
  }).find(([, isGiven]) => isGiven);
  if (!isOnWindows || given === undefined) return;
  throw usage(`Flag --${given[0]} does not work on Windows. Leave it out`);
}

function checkPatterns(flag: string, patterns: string[]): string[] {
  for (const pattern of patterns) {
    const fault = checkPathPattern(pattern);
    if (fault !== undefined) throw usage(`Flag --${flag} is "${pattern}": it ${fault}`);
  }
  return patterns;
}

/** An invalid key or threshold is reported now, and not at the first update. */
function parseThreshold({ releaseKeys, ...options }: HostFlags): number {
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
