import process from "node:process";
import { defineCommand } from "citty";
import { steadyClock } from "../lib/clock.ts";
import { startControl } from "../lib/control/control.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { usage } from "./_args.ts";
import { commonArgs, dataDirOf, logArgs, logOf, readFile } from "./_common.ts";
import { exitFailed, exitOk, untilSignal } from "./_exit.ts";
import { type S3Flags, s3Args, s3Of } from "./_s3.ts";
import { parseBytes, parseSeconds } from "./_units.ts";

const args = {
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
  "tls-cert": { type: "string", valueHint: "FILE", description: "certificate chain, PEM" },
  "tls-key": { type: "string", valueHint: "FILE", description: "private key, PEM" },
  "insecure-plaintext": {
    type: "boolean",
    description: "listen beyond this host without TLS: tokens and commands can be read on the way",
  },
  heartbeat: {
    type: "string",
    default: "15s",
    valueHint: "TIME",
    description: "how often agents report; three missed ones count as gone",
  },
  "drain-timeout": {
    type: "string",
    default: "10s",
    valueHint: "TIME",
    description: "how long running requests are waited for on SIGTERM",
  },
  "artifact-max": {
    type: "string",
    default: "5GB",
    valueHint: "SIZE",
    description: "bytes of one artifact at the most",
  },
  "artifact-quota": {
    type: "string",
    default: "20GB",
    valueHint: "SIZE",
    description: "bytes of all artifacts together at the most",
  },
  "artifact-ttl": {
    type: "string",
    default: "7d",
    valueHint: "TIME",
    description: "how long results are kept",
  },
  ...s3Args,
} as const;

export default defineCommand({
  meta: { name: "serve", description: "Run the control plane" },
  args,
  run: (context) => serveRun(context.args),
});

export interface ServeOptions extends S3Flags {
  "data-dir"?: string | undefined;
  "log-level"?: string;
  "log-json"?: boolean | undefined;
  host: string;
  port: string;
  "tls-cert"?: string | undefined;
  "tls-key"?: string | undefined;
  "insecure-plaintext"?: boolean | undefined;
  heartbeat: string;
  "drain-timeout": string;
  "artifact-max": string;
  "artifact-quota": string;
  "artifact-ttl": string;
}

/** Serves until SIGINT or SIGTERM, then drains. */
export async function serveRun(options: ServeOptions): Promise<number> {
  const log = logOf(options);
  const stopped = untilSignal(() => process.exit(exitFailed));
  const tls = tlsOf(options);
  const dataDir = dataDirOf(options);
  const s3 = s3Of(options);
  const control = await startControl({
    host: options.host,
    port: portOf(options.port),
    dataDir,
    ...(tls === undefined ? {} : { tls }),
    insecurePlaintext: options["insecure-plaintext"] ?? false,
    heartbeatSeconds: heartbeatOf(options.heartbeat),
    ...(s3 === undefined ? {} : { s3 }),
    artifactLimits: {
      bytesMax: parseBytes("artifact-max", options["artifact-max"]),
      quotaBytes: parseBytes("artifact-quota", options["artifact-quota"]),
      ttlMs: parseSeconds("artifact-ttl", options["artifact-ttl"]) * 1000,
    },
    drainMs: parseSeconds("drain-timeout", options["drain-timeout"]) * 1000,
    runtime: await loadRuntime(),
    clock: steadyClock(),
    log,
  });
  log.info(`serving on ${control.url}`, { data_dir: dataDir, pid: process.pid });
  if (!stopped.aborted) {
    await new Promise((resolve) => stopped.addEventListener("abort", resolve, { once: true }));
  }
  log.info("going down: no new jobs; agents are sent away and return by themselves");
  await control.close();
  log.info("stopped");
  return exitOk;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw usage(`Flag --port is "${text}": expected a number from 0 to 65535`);
}

function heartbeatOf(text: string): number {
  const seconds = parseSeconds("heartbeat", text);
  if (seconds >= 1 && seconds <= 3600) return seconds;
  throw usage(`Flag --heartbeat is "${text}": expected a time from 1s to 1h`);
}

function tlsOf(options: ServeOptions): { cert: string; key: string } | undefined {
  const { "tls-cert": cert, "tls-key": key } = options;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw usage("Flags --tls-cert and --tls-key belong together: give both");
  }
  return { cert: readFile("tls-cert", cert), key: readFile("tls-key", key) };
}
