/**
 * The private certificate authority (CA) of the control plane, created once, stored in the data
 * directory, and used only for its server certificates (RFC 5280). The X.509 library requires that
 * `reflect-metadata` is loaded before this file.
 */

import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { certificateBackdateMs } from "../../protocol/limits.ts";
import type { TlsOptions } from "../../runtime/runtime.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 24 * 60 * 60 * 1000;
const authorityMs = 3_650 * dayMs;

export interface Authority {
  /** The CA certificate, PEM. */
  certificate: string;
  /**
   * Issues a certificate with a new key for these names and addresses. The chain includes the CA.
   */
  issue(names: readonly string[], validMs: number, now: number): Promise<TlsOptions>;
}

/**
 * Loads the CA from this directory, or creates it if both files are missing.
 *
 * @throws {WsctlError} USAGE if one of the files is missing or damaged, because clients would not
 *   trust a new CA
 */
export async function loadOrCreateCa(dir: string, now: number): Promise<Authority> {
  const [certFile, keyFile] = [join(dir, "ca.pem"), join(dir, "ca-key.pem")];
  const [cert, key] = [readText(certFile), readText(keyFile)];
  if (cert === undefined && key === undefined) {
    const made = await createAuthority(now);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileAtomically(keyFile, made.key);
    writeFileAtomically(certFile, made.cert);
    return loadAuthority(made);
  }
  try {
    if (cert === undefined || key === undefined) throw new Error("one of the two files is missing");
    if (!new NodeCertificate(cert).checkPrivateKey(createPrivateKey(key))) {
      throw new Error("the key does not match the certificate");
    }
    return await loadAuthority({ cert, key });
  } catch (error) {
    const text = `Cannot use the certificate authority "${certFile}" and "${keyFile}": ${errorText(error)}`;
    const advice =
      "Restore both files, or remove both to create a new CA, which every agent must join again";
    throw new WsctlError("USAGE", `${text}. ${advice}`, { cause: error });
  }
}

async function createAuthority(now: number): Promise<TlsOptions> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=wsctl ${randomBytes(4).toString("hex")}`,
    notBefore: new Date(now - certificateBackdateMs),
    notAfter: new Date(now + authorityMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: await toPem(keys.privateKey) };
}

async function loadAuthority({ cert, key }: TlsOptions): Promise<Authority> {
  const authority = new X509Certificate(cert);
  const pkcs8 = createPrivateKey(key).export({ type: "pkcs8", format: "der" });
  const signingKey = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  return {
    certificate: cert,
    async issue(names, validMs, now) {
      const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const certificate = await X509CertificateGenerator.create({
        serialNumber: serial(),
        subject: "CN=wsctl serve",
        issuer: authority.subject,
        notBefore: new Date(now - certificateBackdateMs),
        notAfter: new Date(now + validMs),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey,
        extensions: [...usage(names), await AuthorityKeyIdentifierExtension.create(authority)],
      });
      const chain = `${certificate.toString("pem")}\n${cert}`;
      return { cert: chain, key: await toPem(keys.privateKey) };
    },
  };
}

function usage(names: readonly string[]): Extension[] {
  const named = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(named),
  ];
}

/** A positive serial number of fixed length (RFC 5280, section 4.1.2.2). */
function serial(): string {
  return `4${randomBytes(16).toString("hex").slice(1)}`;
}

async function toPem(key: CryptoKey): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey("pkcs8", key));
  const text = createPrivateKey({ key: bytes, format: "der", type: "pkcs8" });
  return text.export({ type: "pkcs8", format: "pem" }).toString();
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const text = `Cannot read the certificate authority: ${errorText(error)}`;
    throw new WsctlError("USAGE", text, { cause: error });
  }
}
