/** Where a control plane listens, and under which addresses others reach it. */
import type { Hono } from "hono";
import type { Log } from "../log/log.ts";
import { rateLimitedLog } from "../log/rateLimitedLog.ts";
import { listenReason } from "../network/connectionError.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { bodyBytesMax, messageBytesMax } from "../protocol/limits.ts";
import { clientSubprotocol, probeSubprotocol, subprotocol } from "../protocol/wire/version.ts";
import type { Runtime, Server } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import { PublicAddress } from "./api/publicAddress.ts";
import type { Mount } from "./http/mounted.ts";
import type { Certificates } from "./tls/certificates.ts";
import {
  type OpenedCertificates,
  openCertificates,
  type TlsChoice,
} from "./tls/openCertificates.ts";
import { localHost, publicHost, urlHost } from "./tls/serverNames.ts";

export interface ListenOptions {
  host: string;
  /** 0 selects a free port. */
  port: number;
  dataDir: string;
  tls: TlsChoice;
  /** Names and addresses under which others reach this host; the first is used in URLs. */
  advertised: readonly string[];
  /** `http(s)://HOST[:PORT][/PATH]` of a reverse proxy in front of this control plane. */
  publicUrl?: string;
  /** The application of another program that the control plane is a part of, below a path. */
  mount?: Mount;
  artifactLimits: { bytesMax: number };
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

/** @throws {WsctlError} USAGE if a file is missing, invalid or of no use to any client */
export function openServerCertificates(
  options: ListenOptions,
): Promise<OpenedCertificates | undefined> {
  return openCertificates(options, reachedAt(options));
}

/** @throws {WsctlError} UNAVAILABLE if the port is in use */
export async function listen(
  options: ListenOptions,
  certificates: OpenedCertificates | undefined,
  app: Hono,
): Promise<Server> {
  const { runtime, host, port, clock } = options;
  const tls = certificates?.current;
  const strangers = rateLimitedLog(options.log, clock);
  let server: Server;
  try {
    server = await runtime.serve({
      app,
      host,
      port,
      ...(tls ? { tls } : {}),
      ...(certificates?.named ? { namedTls: certificates.named } : {}),
      protocols: [subprotocol, probeSubprotocol, clientSubprotocol],
      messageBytesMax,
      bodyBytesMax: Math.max(4 * bodyBytesMax, options.artifactLimits.bytesMax + 1),
      onFault: (error) => strangers.error("request handler failed", { reason: errorText(error) }),
    });
  } catch (error) {
    const text = `Cannot listen on ${urlHost(host)}:${port}: ${listenReason(error)}`;
    throw new WsctlError("UNAVAILABLE", text, { cause: error });
  }
  certificates?.start((renewed) => server.renew(renewed));
  return server;
}

/** The URL for clients on this host. */
export function localUrl(options: ListenOptions, port: number, isTls: boolean): string {
  const { host, mount } = options;
  return `${isTls ? "https" : "http"}://${urlHost(localHost(host))}:${port}${mount?.path ?? ""}`;
}

/** The name or address under which clients see the certificate of this control plane, if any do. */
function reachedAt({ host, advertised, publicUrl }: ListenOptions): string | undefined {
  const isBehindProxy = publicUrl !== undefined && advertised.length === 0;
  return isBehindProxy ? undefined : publicHost(host, advertised);
}

/**
 * A reverse proxy has a certificate of its own, which systems trust. Behind a TCP load balancer
 * clients see the certificate of this control plane: then its name is advertised.
 */
export function buildPublicAddress(
  { host, advertised, publicUrl, mount }: ListenOptions,
  port: number,
  certificates: Certificates | undefined,
): PublicAddress {
  const scheme = certificates === undefined ? "http" : "https";
  const url =
    publicUrl ?? `${scheme}://${urlHost(publicHost(host, advertised))}:${port}${mount?.path ?? ""}`;
  const isOwn = publicUrl === undefined || advertised.includes(new URL(url).hostname);
  const authority = isOwn && url.startsWith("https:") ? certificates?.authority : undefined;
  return new PublicAddress({ url, isProxied: publicUrl !== undefined, authority });
}
