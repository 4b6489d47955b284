/**
 * The server certificate of the control plane: issued by its own CA and renewed in time, or
 * provided by the operator and reloaded when the files change. Open connections continue in both
 * cases.
 */
import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { readTrustedTextFile } from "../../files/readText.ts";
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { certificateBackdateMs } from "../../protocol/limits.ts";
import type { TlsOptions } from "../../runtime/runtime.ts";
import { type Clock, wallPollMs } from "../../time/clock.ts";
import type { Authority } from "./certificateAuthority.ts";
import { assertUsable, readChain, reportProblems } from "./certificateCheck.ts";

export interface Certificates {
  readonly current: TlsOptions;
  /** PEM text of the CA that clients need; undefined if systems trust it already. */
  readonly authority: string | undefined;
  /** Calls `use` with every later certificate until it is closed. */
  start(use: (tls: TlsOptions) => void): void;
  close(): void;
}

export interface SelfSignedCertificateOptions {
  authority: Authority;
  names: () => readonly string[];
  /** The lifetime of a certificate; it is renewed after two thirds of it. */
  lifetimeMs: number;
  clock: Clock;
  log: Log;
}

const retryMs = 60_000;
const pollIntervalMs = 2_000;

/** Certificates from the control plane's own CA. */
export async function selfSignedCertificates(
  options: SelfSignedCertificateOptions,
): Promise<Certificates> {
  const { authority, names, lifetimeMs, clock, log } = options;
  const issue = () => authority.issue(names(), lifetimeMs, clock.wall());
  let current = await issue();
  let issuedAt = clock.wall();
  let dueAt = clock.wall() + (lifetimeMs * 2) / 3;
  let cancel = () => {};
  const arm = (use: (tls: TlsOptions) => void) => {
    const waitMs = Math.max(0, Math.min(dueAt - clock.wall(), wallPollMs));
    cancel = clock.after(waitMs, () => void renew(use));
  };
  const renew = async (use: (tls: TlsOptions) => void) => {
    // Also renewed if the clock was set back to before the certificate is valid.
    if (clock.wall() >= dueAt || clock.wall() < issuedAt - certificateBackdateMs) {
      try {
        current = await issue();
        use(current);
        issuedAt = clock.wall();
        dueAt = clock.wall() + (lifetimeMs * 2) / 3;
        log.info("certificate renewed", { valid_until: validUntil(current) });
      } catch (error) {
        dueAt = clock.wall() + Math.min(retryMs, lifetimeMs / 10);
        log.error("Cannot renew the certificate", { reason: errorText(error) });
      }
    }
    arm(use);
  };
  return {
    get current() {
      return current;
    },
    authority: authority.certificate,
    start: arm,
    close: () => cancel(),
  };
}

/**
 * Certificates from the operator's files.
 *
 * @param host The name or address under which clients see the certificate, if any do.
 * @throws {WsctlError} USAGE if the files are invalid at the start
 */
export function fileCertificates(
  files: { cert: string; key: string },
  { clock, log, host }: { clock: Clock; log: Log; host: string | undefined },
): Certificates {
  let current = readPair(files);
  let stamp = readStamp(files);
  let cancel = () => {};
  const guard = new FaultGuard(log);
  const take = (use: (tls: TlsOptions) => void) => {
    const seen = readStamp(files);
    if (seen === stamp) return;
    stamp = seen;
    try {
      current = readPair(files);
      use(current);
      log.info("certificate reloaded", { valid_until: validUntil(current) });
      reportProblems(current, host, clock.wall(), log);
    } catch (error) {
      // Perhaps only one of the two files was replaced so far; they are read again on the next
      // change.
      log.warn(`certificate reload failed, keeping the current one: ${errorText(error)}`);
    }
  };
  const look = (use: (tls: TlsOptions) => void) => {
    cancel = clock.after(pollIntervalMs, () => {
      guard.attempt("check the certificate files", () => take(use));
      look(use);
    });
  };
  return {
    get current() {
      return current;
    },
    authority: findRoot(current.cert),
    start(use) {
      reportProblems(current, host, clock.wall(), log);
      look(use);
    },
    close: () => cancel(),
  };
}

/** Returns the root of the chain if it is included; clients then get it with the join string. */
function findRoot(cert: string): string | undefined {
  const root = readChain({ cert }).findLast(({ issuer, subject }) => issuer === subject);
  return root?.toString();
}

function readPair(files: { cert: string; key: string }): TlsOptions {
  const cert = readText("--tls-cert", files.cert);
  const key = readText("--tls-key", files.key);
  assertUsable({ cert, key }, files);
  return { cert, key };
}

function readText(flag: string, path: string): string {
  try {
    return readTrustedTextFile(path);
  } catch (error) {
    const text = `Flag ${flag}: cannot read "${path}": ${errorText(error)}`;
    throw new WsctlError("USAGE", text, { cause: error });
  }
}

/** Changes when either file is written or replaced. */
function readStamp(files: { cert: string; key: string }): string {
  return [files.cert, files.key]
    .map((path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats === undefined ? "-" : `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
    })
    .join(" ");
}

function validUntil({ cert }: TlsOptions): string {
  return new Date(new X509Certificate(cert).validTo).toISOString();
}
