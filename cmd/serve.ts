import { defineCommand } from "citty";
import type { ClusterNodeControl } from "../lib/cluster/clusterNode.ts";
import type { NatsSettings } from "../lib/cluster/nats/threadMessages.ts";
import { assertNoUnfinishedRestore } from "../lib/control/backup/restoreBackup.ts";
import { ThreadIndex } from "../lib/control/journal/feed/threadIndex.ts";
import { type Control, type ControlOptions, startControl } from "../lib/control/start.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { startZombieReaper } from "../lib/runtime/zombieReaper.ts";
import { systemClock } from "../lib/time/clock.ts";
import { commonArgs, logArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "./cli/exit.ts";
import { createCliLog } from "./cli/log.ts";
import { leaveStartDirectory, withAbsolutePaths } from "./cli/startDirectory.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { assertSystem } from "./cli/supportedSystem.ts";
import { type ClusterFlags, clusterArgs, parseCluster } from "./flags/cluster.ts";
import { assertNoHostileVariables, resolveDataDir } from "./flags/connection.ts";
import { auditRetentionArg, parseRetention, type RetentionFlags } from "./flags/retention.ts";
import { parseBytes, parseSeconds } from "./flags/values.ts";
import { type ApprovalFlags, approvalArgs, parseApproval } from "./serve/approval.ts";
import {
  type BalancerFlags,
  balancerArgs,
  behindBalancers,
  parseTrustedProxies,
} from "./serve/balancer.ts";
import { type ConsoleFlags, consoleArgs, parseConsole, parsePublicUrl } from "./serve/console.ts";
import {
  type ListenFlags,
  parseAddresses,
  parseAdvertisedName,
  parseHost,
  parsePort,
  parseTlsChoice,
} from "./serve/listen.ts";
import { type McpFlags, mcpArgs, mcpExtension } from "./serve/mcp.ts";
import { parseS3, type S3Flags, s3Args } from "./serve/s3.ts";

const tlsModes: string[] = ["auto", "on", "off"];

export const serveArgs = {
  ...commonArgs,
  ...logArgs,
  host: {
    type: "string",
    default: "127.0.0.1",
    valueHint: "ADDRESS",
    description: "address to listen on",
  },
  port: {
    type: "string",
    default: "7420",
    valueHint: "PORT",
    description: "port to listen on, 0 for a free one",
  },
  tls: {
    type: "enum",
    options: tlsModes,
    default: "auto",
    description: "TLS with a private CA: on, off, or auto (on for non-loopback addresses)",
  },
  "tls-cert": {
    type: "string",
    valueHint: "FILE",
    description: "file with your certificate chain (PEM)",
  },
  "tls-key": {
    type: "string",
    valueHint: "FILE",
    description: "file with the private key of the certificate (PEM)",
  },
  "tls-lifetime": {
    type: "string",
    default: "7d",
    valueHint: "TIME",
    description: "lifetime of issued server certificates; renewed after two thirds",
  },
  advertise: {
    type: "string",
    valueHint: "NAME",
    description: "name or address by which others reach this host (repeatable)",
  },
  "public-url": {
    type: "string",
    valueHint: "URL",
    description: "URL of the reverse proxy in front: https://HOST[:PORT][/PATH]",
  },
  ...balancerArgs,
  ...mcpArgs,
  "insecure-plaintext": {
    type: "boolean",
    description:
      "listen on non-loopback addresses without TLS; tokens and commands are readable on the network",
  },
  ...approvalArgs,
  "webhook-allow": {
    type: "string",
    valueHint: "ADDRESS",
    description:
      "address or range that webhooks may use, also loopback or without TLS (repeatable)",
  },
  "offline-after": {
    type: "string",
    default: "10m",
    valueHint: "TIME",
    description: "how long an agent is offline before that is an event",
  },
  heartbeat: {
    type: "string",
    default: "15s",
    valueHint: "TIME",
    description: "interval of heartbeats; an agent is offline after three missed ones",
  },
  "drain-timeout": {
    type: "string",
    default: "10s",
    valueHint: "TIME",
    description: "how long to wait for running requests on SIGTERM",
  },
  "artifact-max": {
    type: "string",
    default: "5GB",
    valueHint: "SIZE",
    description: "maximum size of one artifact, in bytes",
  },
  "artifact-quota": {
    type: "string",
    default: "20GB",
    valueHint: "SIZE",
    description: "maximum size of all artifacts together, in bytes",
  },
  "artifact-ttl": {
    type: "string",
    default: "7d",
    valueHint: "TIME",
    description: "retention of artifacts",
  },
  "job-retention": {
    type: "string",
    default: "90d",
    valueHint: "TIME",
    description: "retention of ended jobs, at least 9d",
  },
  "job-retention-max": {
    type: "string",
    default: "10000000",
    valueHint: "N",
    description: "maximum number of stored requests; requests younger than 9d are kept",
  },
  "audit-retention": auditRetentionArg,
  takeover: {
    type: "boolean",
    description: "go on, although a control plane restored from a backup of this one took over",
  },
  ...s3Args,
  ...consoleArgs,
  ...clusterArgs,
} as const;

export default defineCommand({
  meta: {
    name: "serve",
    description: "Run the control plane",
    examples: ["wsctl serve", "wsctl serve --host 0.0.0.0 --advertise ops.example.com"],
  },
  args: serveArgs,
  run: ({ args, data }) => serveRun(toServeOptions(args, (data as CommandData).lists)),
});

/** Returns the options of parsed arguments, with absolute paths. */
export function toServeOptions<T extends object>(args: T, lists: CommandData["lists"]) {
  const { advertise: advertised = [], "oidc-grant": grants = [] } = lists;
  const { "trusted-proxy": trustedProxies = [], "webhook-allow": webhookAddresses = [] } = lists;
  const own = { advertised, trustedProxies, webhookAddresses, grants };
  return { ...withAbsolutePaths(args, serveArgs), ...own };
}

export interface ServeOptions
  extends ApprovalFlags,
    BalancerFlags,
    McpFlags,
    S3Flags,
    ConsoleFlags,
    ListenFlags,
    ClusterFlags,
    RetentionFlags {
  "data-dir"?: string | undefined;
  "log-level"?: string;
  "log-json"?: boolean | undefined;
  port: string;
  advertised: string[];
  "public-url"?: string | undefined;
  webhookAddresses: string[];
  "offline-after": string;
  heartbeat: string;
  "drain-timeout": string;
  "artifact-max": string;
  "artifact-quota": string;
  "artifact-ttl": string;
  takeover?: boolean | undefined;
}

/**
 * Returns the settings of a control plane.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
export function parseServeOptions(options: ServeOptions) {
  const host = parseHost(options.host);
  const s3 = parseS3(options);
  const publicUrl = options["public-url"];
  return {
    host,
    port: parsePort(options.port),
    dataDir: resolveDataDir(options),
    tls: parseTlsChoice({ ...options, host }),
    advertised: options.advertised.map(parseAdvertisedName),
    ...(publicUrl === undefined ? {} : { publicUrl: parsePublicUrl("public-url", publicUrl) }),
    trustedProxies: parseTrustedProxies(options),
    ...parseApproval(options),
    logsEvents: options["log-json"] ?? false,
    console: parseConsole(options),
    webhookAddresses: parseAddresses("webhook-allow", options.webhookAddresses),
    offlineMs: parseSeconds("offline-after", options["offline-after"]) * 1000,
    heartbeatSeconds: parseHeartbeat(options.heartbeat),
    ...(s3 === undefined ? {} : { s3 }),
    artifactLimits: {
      bytesMax: parseBytes("artifact-max", options["artifact-max"]),
      quotaBytes: parseBytes("artifact-quota", options["artifact-quota"]),
      ttlMs: parseSeconds("artifact-ttl", options["artifact-ttl"]) * 1000,
    },
    retention: parseRetention(options),
    isTakingOver: options.takeover ?? false,
    drainTimeoutMs: parseSeconds("drain-timeout", options["drain-timeout"]) * 1000,
  };
}

/** Serves until SIGINT or SIGTERM, then drains. */
async function serveRun(options: ServeOptions): Promise<number> {
  assertNoHostileVariables();
  assertSystem("serve");
  const log = createCliLog(options);
  const stopped = waitForSignal(() => process.exit(exitFailed));
  const settings = parseServeOptions(options);
  assertNoUnfinishedRestore(settings.dataDir);
  const clock = systemClock();
  const runtime = behindBalancers(await loadRuntime(), options, { clock, log });
  leaveStartDirectory();
  startZombieReaper(runtime);
  const cluster = parseCluster(options);
  const extension = await mcpExtension(options, log);
  const openIndex = (path: string) => new ThreadIndex(path);
  const parts = { runtime, clock, log, openIndex };
  const control = await start({ ...settings, ...extension, ...parts }, cluster);
  const { url, publicUrl: public_url } = control;
  const elsewhere = public_url === url ? {} : { public_url };
  const place = { data_dir: settings.dataDir, pid: process.pid };
  log.info(`serving on ${url}`, { ...elsewhere, ...place });
  const ended = new Promise<undefined>((resolve) => {
    if (stopped.aborted) return resolve(undefined);
    stopped.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const failure = await Promise.race([ended, ...("failed" in control ? [control.failed] : [])]);
  if (failure !== undefined) throw failure;
  log.info("shutting down: no new jobs; agents will reconnect");
  await control.close();
  log.info("stopped");
  return exitOk;
}

/** Starts a control plane on this host alone, or a node of a cluster. */
async function start(
  options: ControlOptions,
  cluster: NatsSettings | undefined,
): Promise<Control | ClusterNodeControl> {
  if (cluster === undefined) return await startControl(options);
  const { startClusterNode } = await import("../lib/cluster/startClusterNode.ts");
  return await startClusterNode(options, cluster);
}

function parseHeartbeat(text: string): number {
  const seconds = parseSeconds("heartbeat", text);
  if (seconds >= 1 && seconds <= 3600) return seconds;
  throw usage(`Flag --heartbeat is "${text}": expected a time from 1s to 1h`);
}
