/** Which certificates of a server are trusted. */
import { readdirSync, readFileSync, statSync } from "node:fs";

export interface Trust {
  /** PEM text of the CAs to trust in place of the system's. */
  ca?: string;
  /** The name that the certificate must have, and the SNI, in place of the URL's host. */
  serverName?: string;
}

/** The fields of `Trust` as they are stored and passed on in JSON. */
export interface StoredTrust {
  ca?: string;
  server_name?: string;
}

export function toTrust(stored: { [K in keyof StoredTrust]: string | undefined }): Trust {
  const { ca, server_name: serverName } = stored;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

export function toStoredTrust({ ca, serverName }: Trust): StoredTrust {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { server_name: serverName }),
  };
}

/** The bundle files of distributions: Debian and Alpine, RHEL, SUSE. */
const bundleFiles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/var/lib/ca-certificates/ca-bundle.pem",
];

let bundle: { text: string | undefined } | undefined;

/**
 * Returns the CAs of a distribution that the runtime does not find by itself, as PEM text. Bun
 * finds `/etc/ssl/cert.pem` and the hashed links of `/etc/ssl/certs`, and reads the variable
 * `SSL_CERT_FILE`. Other distributions have one bundle file.
 */
export function systemBundle(): string | undefined {
  bundle ??= { text: readBundle() };
  return bundle.text;
}

function readBundle(): string | undefined {
  const { SSL_CERT_FILE: file = "", SSL_CERT_DIR: directory = "" } = process.env;
  if (file !== "" || directory !== "" || isFile("/etc/ssl/cert.pem") || hasHashedLinks()) {
    return undefined;
  }
  const found = bundleFiles.find(isFile);
  if (found === undefined) return undefined;
  const extra = process.env.NODE_EXTRA_CA_CERTS ?? "";
  const files = extra === "" ? [found] : [found, extra];
  return files.map((path) => readFileSync(path, "utf8")).join("\n");
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function hasHashedLinks(): boolean {
  try {
    return readdirSync("/etc/ssl/certs").some((name) => /^[\da-f]{8}\.\d+$/.test(name));
  } catch {
    // The directory is missing or not readable: the runtime finds nothing there either.
    return false;
  }
}
