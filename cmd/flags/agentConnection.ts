/**
 * How an agent authenticates: with its identity, or one that it joins for, with a given token, or,
 * on the control plane's host, with a token that it creates with the local credentials and stores
 * beside its journal.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { AgentIdentity } from "../../lib/agent/identity/identity.ts";
import { joinFleet } from "../../lib/agent/identity/join.ts";
import { Client } from "../../lib/client/client.ts";
import type { Log } from "../../lib/log/log.ts";
import { shuffled } from "../../lib/network/shuffled.ts";
import { type Trust, toStoredTrust, toTrust } from "../../lib/network/trust.ts";
import { parseJoin } from "../../lib/protocol/api/joinString.ts";
import type { LocalCredentials } from "../../lib/protocol/api/localCredentials.ts";
import { type ServerAddress, toServerAddress } from "../../lib/protocol/api/serverAddress.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import { identityFile, type JoinInput } from "../agent/joinText.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import {
  type ConnectionSettings,
  parseServer,
  readCaFile,
  readConnection,
  readLocal,
  readToken,
  resolveDataDir,
} from "./connection.ts";

export interface AgentConnection extends ConnectionSettings {
  /** The agent's key. In this case the token is empty. */
  identity?: AgentIdentity;
}

export interface AgentConnectionOptions {
  flags: ClientFlags;
  joining: JoinInput;
  agentId: string;
  /** The agent's data directory. */
  dir: string;
  runtime: Runtime;
  log: Log;
  signal: AbortSignal;
}

interface StoredLocalToken {
  token: string;
  /** The local credentials with which the token was created. With others it is not valid. */
  created_with: string;
}

const retryMs = 1_000;

/**
 * Opens the connection. Returns undefined if the signal ended the wait.
 * @throws {WsctlError} UNREACHABLE
 */
export async function openAgentConnection(
  options: AgentConnectionOptions,
): Promise<AgentConnection | undefined> {
  const { flags, log, signal } = options;
  const identity = await joinedIdentity(options);
  if (identity !== undefined) {
    const { url } = identity.stored;
    const ca = readCa(flags) ?? identity.stored.ca;
    const given = flags.server === undefined ? undefined : parseServer(flags.server);
    const address = given ?? toServerAddress(url);
    identity.tryAddress(address.url);
    return { ...address, token: "", identity, trust: toTrust({ ca }) };
  }
  if (readToken(flags) !== undefined || isElsewhere(flags)) return readConnection(flags);
  let said = "";
  while (!signal.aborted) {
    try {
      const local = readLocal(resolveDataDir(flags));
      if (local !== undefined) return await localAccess(local, options);
      throw new WsctlError(
        "UNREACHABLE",
        `no credentials of "wsctl serve" in ${resolveDataDir(flags)}`,
      );
    } catch (error) {
      if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
      if (error.message !== said) {
        log.info(`waiting for the control plane on this host: ${errorText(error)}`);
      }
      said = error.message;
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/**
 * Returns the identity of this agent, from its file or by a join string; undefined if it uses a
 * token. A join string that was already used is ignored, so that it can stay in a unit file.
 */
async function joinedIdentity(options: AgentConnectionOptions): Promise<AgentIdentity | undefined> {
  const { flags, joining, agentId, dir, runtime, log, signal } = options;
  const { text, isJoined } = joining;
  const path = join(dir, identityFile);
  const known = AgentIdentity.read(path);
  if (text === undefined) {
    // With its key, an agent may reach its control plane at another address.
    return !isJoined && readToken(flags) !== undefined ? undefined : known;
  }
  const parsed = parseJoin(text);
  if (known?.stored.join_token_id === parsed.token.split("-")[1]) return known;
  const now = Date.now();
  const ca = readCa(flags);
  const trust = ca === undefined ? {} : { ca };
  // Agents spread over the nodes of a cluster.
  const places = shuffled([parsed.url, ...(parsed.others ?? [])]);
  let said = "";
  for (let attempt = 1; ; attempt++) {
    const url = places[(attempt - 1) % places.length] ?? parsed.url;
    const join = { ...parsed, url };
    try {
      return await joinFleet({ join, ...trust, agentId, path, runtime, log, now, signal });
    } catch (error) {
      if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
      if (signal.aborted) return undefined;
      if (error.message !== said) log.info(`waiting for the control plane: ${error.message}`);
      said = error.message;
    }
    // Each node is tried once before it waits.
    if (attempt % places.length === 0) {
      await sleep(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}

function readCa({ ca }: ClientFlags): string | undefined {
  return ca === undefined ? undefined : readCaFile(ca);
}

/** Whether the flags name another control plane than the one of this host, if that is known. */
function isElsewhere(flags: ClientFlags): boolean {
  return (
    flags.server !== undefined &&
    readLocal(resolveDataDir(flags))?.url !== parseServer(flags.server).url
  );
}

async function localAccess(
  local: LocalCredentials,
  options: AgentConnectionOptions,
): Promise<ConnectionSettings> {
  const { agentId, dir, runtime } = options;
  const { url } = local;
  const trust = toTrust(local);
  const path = join(dir, "token.json");
  let token = readLocalToken(path, local);
  if (token === undefined) {
    const client = new Client({ url, token: local.token, fetch: runtime.fetchWith(trust) });
    token = (await client.createToken({ role: "agent", agent_id: agentId })).token;
    const kept: StoredLocalToken = { token, created_with: issuer(local) };
    writeFileSync(path, JSON.stringify(kept), { mode: 0o600 });
  }
  return { ...toServerAddress(url), token, trust };
}

function readLocalToken(path: string, local: LocalCredentials): string | undefined {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as StoredLocalToken;
    return kept.created_with === issuer(local) ? kept.token : undefined;
  } catch {
    // The file does not exist or is not readable; a new token is created and stored.
    return undefined;
  }
}

/** Returns the public part of the local credentials' token. */
function issuer(local: LocalCredentials): string {
  return local.token.split("-").slice(0, 2).join("-");
}

export interface KnownAgent {
  agentId: string;
  access: ServerAddress & { trust: Trust };
  /** Returns the Authorization header of a call. */
  authorization(): Promise<string>;
}

/**
 * Returns the agents of this host that can connect without flags: those that joined, and those that
 * use the local credentials.
 * @throws {WsctlError} USAGE if a file is damaged.
 */
export async function knownAgents(flags: ClientFlags): Promise<KnownAgent[]> {
  const runtime = await loadRuntime();
  const dir = join(resolveDataDir(flags), "agents");
  const local = readLocal(resolveDataDir(flags));
  return listDirectories(dir).flatMap((agentId): KnownAgent[] => {
    const path = join(dir, agentId, "identity.json");
    const identity = AgentIdentity.read(path);
    if (identity !== undefined) {
      const { url, ca } = identity.stored;
      const trust = toTrust({ ca });
      const control = toControlPlane(
        { url, token: "", identity: path, ...toStoredTrust(trust) },
        runtime.fetchWith,
      );
      const authorization = async () => (await control.authorization?.()) ?? "";
      return [{ agentId, access: { ...toServerAddress(url), trust }, authorization }];
    }
    const token = local && readLocalToken(join(dir, agentId, "token.json"), local);
    if (local === undefined || token === undefined) return [];
    const access = { ...toServerAddress(local.url), trust: toTrust(local) };
    return [{ agentId, access, authorization: async () => `Bearer ${token}` }];
  });
}

function listDirectories(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    // No agent has run here, or this user may not read its files.
    return [];
  }
}
