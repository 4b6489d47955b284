/** What clients will say of a certificate of the operator: found out at the start, and not by them. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { rootCertificates } from "node:tls";
import type { Log } from "../../log/log.ts";
import { readCertificates } from "../../network/caFile.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { TlsOptions } from "../../runtime/runtime.ts";

const renewSoonMs = 14 * 24 * 60 * 60 * 1000;

/** Returns the certificates of a PEM file, from the server's own upwards. */
export function readChain({ cert }: Pick<TlsOptions, "cert">): X509Certificate[] {
  return readCertificates(cert);
}

/** Returns the host names and addresses of a certificate (RFC 5280, section 4.2.1.6). */
export function certificateNames(certificate: X509Certificate): string[] {
  const { subjectAltName = "" } = certificate;
  return subjectAltName
    .split(", ")
    .map((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .map((name) => (isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name));
}

/**
 * Checks that the pair can serve at all.
 *
 * @param files The paths of the two files, for messages.
 * @throws {WsctlError} USAGE
 */
export function assertUsable(pair: TlsOptions, files: { cert: string; key: string }): void {
  let leaf: X509Certificate | undefined;
  let isPair = false;
  try {
    [leaf] = readChain(pair);
    isPair = leaf?.checkPrivateKey(createPrivateKey(pair.key)) ?? false;
  } catch (error) {
    const text = `Cannot read "${files.cert}" or "${files.key}" as PEM: ${errorText(error)}`;
    throw new WsctlError("USAGE", text, { cause: error });
  }
  if (leaf === undefined) {
    const text = `Cannot read "${files.cert}" as PEM: it contains no certificate`;
    throw new WsctlError("USAGE", text);
  }
  if (!isPair) {
    const text = `Key "${files.key}" does not match certificate "${files.cert}"`;
    const advice = "Specify a matching pair, with the server's own certificate first in the file";
    throw new WsctlError("USAGE", `${text}. ${advice}`);
  }
  if (certificateNames(leaf).length > 0) return;
  const text = `Cannot use certificate "${files.cert}": it names no host name and no address`;
  const advice = "Clients accept only names of the extension subjectAltName";
  throw new WsctlError("USAGE", `${text}. ${advice}`);
}

/**
 * Logs why some or all clients will refuse the certificate.
 *
 * @param host The name or address under which clients see it, if any do.
 * @param now Milliseconds since 1970.
 */
export function reportProblems(
  pair: TlsOptions,
  host: string | undefined,
  now: number,
  log: Log,
): void {
  const chain = readChain(pair);
  const [leaf] = chain;
  if (leaf === undefined) return;
  const until = Date.parse(leaf.validTo);
  const dates = { valid_until: new Date(until).toISOString() };
  if (until <= now) log.error("certificate has expired: clients refuse it", dates);
  else if (Date.parse(leaf.validFrom) > now) {
    const valid_from = new Date(Date.parse(leaf.validFrom)).toISOString();
    log.error("certificate is not yet valid: clients refuse it", { valid_from });
  } else if (until - now < renewSoonMs) log.warn("certificate expires soon", dates);
  if (host !== undefined && !covers(leaf, host)) {
    const names = certificateNames(leaf).join(",");
    const text = "certificate does not have the name that join strings contain";
    log.warn(`${text}; specify one of its names with --advertise`, { host, names });
  }
  const last = chain.at(-1);
  if (last === undefined || isIssued(last, [...chain, ...knownRoots()])) return;
  const text = "certificate file ends before the issuer of its last certificate";
  const advice = "clients that do not have the issuer refuse it; append intermediate certificates";
  log.warn(`${text}; ${advice}`, { issuer: oneLine(last.issuer) });
}

function covers(leaf: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  return found !== undefined;
}

function isIssued(certificate: X509Certificate, others: readonly X509Certificate[]): boolean {
  return others.some((other) => other.subject === certificate.issuer);
}

function knownRoots(): X509Certificate[] {
  return rootCertificates.map((pem) => new X509Certificate(pem));
}

function oneLine(name: string): string {
  return name.split("\n").join(", ");
}
