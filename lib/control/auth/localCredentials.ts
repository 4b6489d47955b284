/**
 * The local credentials file in the data directory, readable only by its owner. With it, commands
 * of the same user on the same host find the control plane and authenticate.
 */

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import type { LocalCredentials } from "../../protocol/api/localCredentials.ts";
import type { TlsOptions } from "../../runtime/runtime.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { authenticate, createToken } from "./bearerTokens.ts";

export interface LocalCredentialsOptions {
  path: string;
  journal: ControlJournal;
  url: string;
  /** PEM text of the CA that issued the certificate, if the system does not trust it. */
  ca?: string;
  now: number;
}

/** Writes the file. A token that the file already holds is kept while it is valid. */
export function writeLocalCredentials(options: LocalCredentialsOptions): void {
  const { path, journal, url, ca, now } = options;
  const kept = readStoredToken(path, journal, now);
  const token = kept ?? createToken(journal.tokens, { role: "admin" }, "local", now).text;
  const { pid } = process;
  const credentials: LocalCredentials = { url, token, pid, ...(ca === undefined ? {} : { ca }) };
  writeFileAtomically(path, `${JSON.stringify(credentials, null, 2)}\n`);
}

/** The host name under which this host reaches itself; the certificate covers it. */
export function localHost(host: string, tls: TlsOptions | undefined): string {
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host;
  const bracketed = own.includes(":") && !own.startsWith("[") ? `[${own}]` : own;
  if (tls === undefined) return bracketed;
  const names = listNames(tls);
  return names.includes(own) ? bracketed : (names.find((name) => !name.includes("*")) ?? own);
}

/** The names and addresses that the certificate covers. */
export function listNames(tls: TlsOptions | undefined): string[] {
  if (tls === undefined) return [];
  const { subjectAltName = "" } = new X509Certificate(tls.cert);
  return subjectAltName.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
}

function readStoredToken(path: string, journal: ControlJournal, now: number): string | undefined {
  try {
    const { token } = JSON.parse(readFileSync(path, "utf8")) as LocalCredentials;
    return authenticate(journal.tokens, `Bearer ${token}`, now)?.role === "admin"
      ? token
      : undefined;
  } catch {
    // The file is missing, unreadable or from another journal: create a new token in each case.
    return undefined;
  }
}
