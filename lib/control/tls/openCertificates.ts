/** Opens the certificates that the operator chose, and the one for commands on this host. */
import { join } from "node:path";
import type { Log } from "../../log/log.ts";
import type { StoredTrust } from "../../network/trust.ts";
import { localServerName } from "../../protocol/api/localCredentials.ts";
import type { NamedTls } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { type Certificates, fileCertificates, selfSignedCertificates } from "./certificates.ts";
import { serverNames } from "./serverNames.ts";

/** Plain text, a certificate from the control plane's own CA, or the operator's certificate. */
export type TlsChoice =
  | { kind: "off" }
  | { kind: "own"; lifetimeMs: number }
  | { kind: "files"; cert: string; key: string };

export interface CertificateOptions {
  tls: TlsChoice;
  /** The address to listen on. */
  host: string;
  advertised: readonly string[];
  dataDir: string;
  clock: Clock;
  log: Log;
}

export interface OpenedCertificates extends Certificates {
  /** Which certificate commands on this host accept. */
  localTrust: StoredTrust;
  /** The certificate for commands on this host, if they do not accept the current one. */
  named?: NamedTls;
}

/** As long as a CA: it is issued again at each start. */
const localCertificateMs = 3_650 * 24 * 60 * 60 * 1000;

/**
 * Returns undefined without TLS.
 *
 * @param reachedAt The name or address under which clients see the certificate, if any do.
 * @throws {WsctlError} USAGE if a file is missing, invalid or of no use to any client
 */
export async function openCertificates(
  options: CertificateOptions,
  reachedAt: string | undefined,
): Promise<OpenedCertificates | undefined> {
  const { tls, host, advertised, dataDir, clock, log } = options;
  if (tls.kind === "off") return undefined;
  const files =
    tls.kind === "files" ? fileCertificates(tls, { clock, log, host: reachedAt }) : undefined;
  // Imported only if needed, because it is large. The X.509 library requires it to be loaded first.
  await import("reflect-metadata");
  const { loadOrCreateCa } = await import("./certificateAuthority.ts");
  const authority = await loadOrCreateCa(join(dataDir, "tls"), clock.wall());
  const { certificate: ca } = authority;
  if (files !== undefined) {
    // The names and the issuer of the operator's certificate say nothing about this host.
    const own = await authority.issue([localServerName], localCertificateMs, clock.wall());
    const named = { ...own, serverName: localServerName };
    return Object.assign(files, { localTrust: { ca, server_name: localServerName }, named });
  }
  const { lifetimeMs } = tls as Extract<TlsChoice, { kind: "own" }>;
  const names = () => serverNames(host, advertised);
  const issued = await selfSignedCertificates({ authority, names, lifetimeMs, clock, log });
  return Object.assign(issued, { localTrust: { ca } });
}
