/**
 * The local credentials: a file in the data directory that only its user can read, from which
 * `wsctl agent` and `wsctl send` of the same user on the same host know where to go and who they
 * are.
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
  /** PEM text of the authority that vouches for it, where systems do not know that one. */
  ca?: string;
  now: number;
}

/** Writes the file, with the token it already holds where that is still valid. */
export function writeLocalCredentials(options: LocalCredentialsOptions): void {
  const { path, journal, url, ca, now } = options;
  const kept = readStoredToken(path, journal, now);
  const token = kept ?? createToken(journal.tokens, { role: "admin" }, "local", now).text;
  const { pid } = process;
  const credentials: LocalCredentials = { url, token, pid, ...(ca === undefined ? {} : { ca }) };
  writeFileAtomically(path, `${JSON.stringify(credentials, null, 2)}\n`);
}

/** The host under which this one reaches itself: one that the certificate vouches for. */
export function localHost(host: string, tls: TlsOptions | undefined): string {
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host;
  const bracketed = own.includes(":") && !own.startsWith("[") ? `[${own}]` : own;
  if (tls === undefined) return bracketed;
  const names = listNames(tls);
  return names.includes(own) ? bracketed : (names.find((name) => !name.includes("*")) ?? own);
}

/** The names and addresses that a certificate vouches for. */
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
    // Missing, unreadable or of another journal: a new token takes its place either way.
    return undefined;
  }
}
