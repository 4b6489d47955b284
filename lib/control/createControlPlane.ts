/** A control plane inside another program, alone or below a path of its Hono application. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Hono } from "hono";
import { type Log, silentLog } from "../log/log.ts";
import { type LocalCredentials, localFile } from "../protocol/api/localCredentials.ts";
import { WsctlError } from "../protocol/errors.ts";
import { loadRuntime } from "../runtime/load.ts";
import { systemClock } from "../time/clock.ts";
import type { HostAuthentication } from "./auth/hostUser.ts";
import { startControl } from "./start.ts";

export interface ControlPlaneOptions {
  /** The directory of everything that the control plane stores. */
  dataDir: string;
  /** By default 127.0.0.1. */
  host?: string;
  /** 0 selects a free port, which is the default. */
  port?: number;
  /** `own`: a certificate of an authority of its own, which joining agents trust. By default off. */
  tls?: "off" | "own" | { cert: string; key: string };
  /** Names under which others reach this host. */
  advertise?: readonly string[];
  /** `https://HOST[:PORT][/PATH]` of a reverse proxy in front of it. */
  publicUrl?: string;
  /** Addresses and ranges of reverse proxies that report the addresses of clients. */
  trustedProxies?: readonly string[];
  /** Addresses and ranges that webhooks may use although they are not public. */
  webhookAddresses?: readonly string[];
  /** How long an agent is offline before that is an event; by default ten minutes. */
  offlineSeconds?: number;
  /** The application that the control plane becomes a part of, and the path below which it is. */
  mount?: { into: Hono; path: string };
  /** Identifies people of your program, whose requests have no `Authorization` header. */
  authenticate?: HostAuthentication;
  /** Commands that need the approval of a second operator. */
  requireApprovalFor?: readonly string[];
  /** Commands whose jobs must have a reason. */
  requireReasonFor?: readonly string[];
  heartbeatSeconds?: number;
  /** The web console; by default `full`. */
  console?: "full" | "read-only" | "off";
  /** `console` is a log. By default nothing is logged. */
  log?: Log;
}

export interface ControlPlane {
  /** The URL for this host, with the path of the mount. */
  url: string;
  /** The URL for others. */
  publicUrl: string;
  port: number;
  /** The token of the role `admin` that commands on this host use. */
  adminToken: string;
  /** Drains, then stops. */
  close(): Promise<void>;
}

const day = 24 * 60 * 60 * 1000;
const gigabyte = 1e9;

/**
 * Starts a control plane that listens on a port, on a runtime other than Node.js.
 *
 * @throws {WsctlError} USAGE, STORAGE_UNAVAILABLE, or UNAVAILABLE if the port is in use
 */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir, mount, authenticate, publicUrl, heartbeatSeconds } = options;
  if (mount !== undefined && !/^(?:\/[\w.~-]+)+$/.test(mount.path)) {
    const text = `Cannot mount the control plane at "${mount.path}": it is not a path such as /fleet`;
    throw new WsctlError("USAGE", text);
  }
  const control = await startControl({
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    dataDir,
    tls: tlsChoice(options.tls),
    advertised: options.advertise ?? [],
    ...(publicUrl === undefined ? {} : { publicUrl }),
    trustedProxies: options.trustedProxies ?? [],
    webhookAddresses: options.webhookAddresses ?? [],
    offlineMs: (options.offlineSeconds ?? 600) * 1000,
    approveAgents: false,
    console: { mode: options.console ?? "full", lifetimeMs: day / 3, idleMs: day / 48 },
    approvalCommands: new Set(options.requireApprovalFor ?? []),
    reasonCommands: new Set(options.requireReasonFor ?? []),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    artifactLimits: { bytesMax: 5 * gigabyte, quotaBytes: 20 * gigabyte, ttlMs: 7 * day },
    retention: {
      retentionMs: 90 * day,
      requestsMax: 10_000_000,
      auditMs: 400 * day,
      auditWhy: "the default of the library",
    },
    drainTimeoutMs: 10_000,
    ...(mount === undefined ? {} : { mount }),
    ...(authenticate === undefined ? {} : { authenticate }),
    runtime: await loadRuntime(),
    clock: systemClock(),
    log: options.log ?? silentLog,
  });
  const { log = silentLog } = options;
  void control.failed.then((error) => {
    log.error(error.message);
    return control.close();
  });
  const { url, publicUrl: shown, port } = control;
  const text = readFileSync(join(dataDir, localFile), "utf8");
  const { token } = JSON.parse(text) as LocalCredentials;
  return { url, publicUrl: shown, port, adminToken: token, close: () => control.close() };
}

function tlsChoice(tls: ControlPlaneOptions["tls"]) {
  if (tls === undefined || tls === "off") return { kind: "off" } as const;
  return tls === "own"
    ? ({ kind: "own", lifetimeMs: 7 * day } as const)
    : ({ kind: "files", ...tls } as const);
}
