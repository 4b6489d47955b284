/**
 * The local credentials file in the data directory, readable only by its owner. With it, commands
 * of the same user on the same host find the control plane and authenticate.
 */

import { readFileSync } from "node:fs";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import type { StoredTrust } from "../../network/trust.ts";
import type { LocalCredentials } from "../../protocol/api/localCredentials.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { authenticate, createToken, storeToken } from "./bearerTokens.ts";

export interface LocalCredentialsOptions {
  path: string;
  journal: ControlJournal;
  url: string;
  /** Which certificate local commands accept, with TLS. */
  trust: StoredTrust;
  /** The token of all nodes of a cluster, in place of one of its own. */
  sharedToken?: string | undefined;
  now: number;
}

const tokenRequest = { role: "admin", name: "local" } as const;

/** Writes the file. A token that the file already holds is kept while it is valid. */
export function writeLocalCredentials(options: LocalCredentialsOptions): void {
  const { path, journal, url, trust, sharedToken, now } = options;
  if (sharedToken !== undefined)
    storeToken(journal.tokens, sharedToken, tokenRequest, "local", now);
  const kept = sharedToken ?? readStoredToken(path, journal, now);
  const token = kept ?? createToken(journal.tokens, tokenRequest, "local", now).text;
  writeLocalFile(path, { url, token, trust });
}

/** Writes the file for a token that is stored elsewhere. */
export function writeLocalFile(
  path: string,
  { url, token, trust }: { url: string; token: string; trust: StoredTrust },
): void {
  const { pid } = process;
  const credentials: LocalCredentials = { url, token, pid, ...trust };
  writeFileAtomically(path, `${JSON.stringify(credentials, null, 2)}\n`);
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
