/** What a file of CA certificates lacks. */
import type { X509Certificate } from "node:crypto";

/** Returns the certificates of a PEM text, in its order. @throws {Error} if one is damaged */
export function readCertificates(pem: string): X509Certificate[] {
  // Loaded here, because every command loads this module, and few have a file of certificates.
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const all = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return all.map((text) => new X509Certificate(text));
}

/**
 * Returns why the CAs cannot verify a server: there is no certificate, or no root. A chain is
 * followed to a certificate that is its own issuer, so intermediate certificates do not suffice.
 */
export function findCaFault(pem: string): string | undefined {
  const certificates = readCertificates(pem);
  const last = certificates.at(-1);
  if (last === undefined) return "it contains no certificate in PEM";
  if (certificates.some(({ subject, issuer }) => subject === issuer)) return undefined;
  const [of, by] = [last.subject, last.issuer].map((name) => name.split("\n").join(", "));
  return `it has no root certificate: "${by}", the issuer of "${of}", is missing`;
}
