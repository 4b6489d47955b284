/**
 * How an agent gets in: with the identity that it has or joins for, with a token that it is given,
 * or, on the control plane's own host, with one that it makes for itself with the local credentials
 * and keeps beside its journal.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentIdentity } from "../../lib/agent/identity/identity.ts";
import { joinFleet } from "../../lib/agent/identity/join.ts";
import { Client } from "../../lib/client/client.ts";
import type { Log } from "../../lib/log/log.ts";
import { parseJoin } from "../../lib/protocol/api/joinString.ts";
import type { LocalCredentials } from "../../lib/protocol/api/localCredentials.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import {
  type ConnectionSettings,
  httpUrl,
  readConnection,
  readLocal,
  readToken,
  resolveDataDir,
} from "./connection.ts";

export interface AgentConnection extends ConnectionSettings {
  /** With a key of the agent's own; the token is empty then. */
  identity?: AgentIdentity;
}

export interface AgentConnectionOptions {
  flags: ClientFlags;
  /** Text of a join string. */
  join: string | undefined;
  agentId: string;
  /** The agent's own directory. */
  dir: string;
  runtime: Runtime;
  log: Log;
  signal: AbortSignal;
}

interface StoredLocalToken {
  token: string;
  /** The local credentials it was made with: with others it is worth nothing. */
  created_with: string;
}

const retryMs = 1_000;

/** Undefined when the signal ended the waiting. */
export async function openAgentConnection(
  options: AgentConnectionOptions,
): Promise<AgentConnection | undefined> {
  const { flags, log, signal } = options;
  const identity = await joinedIdentity(options);
  if (identity !== undefined) {
    const { url, ca } = identity.stored;
    return { url, token: "", identity, ...(ca === undefined ? {} : { ca }) };
  }
  if (readToken(flags) !== undefined || isElsewhere(flags)) return readConnection(flags);
  let said = "";
  while (!signal.aborted) {
    try {
      const local = readLocal(resolveDataDir(flags));
      if (local !== undefined) return await localAccess(local, options);
      throw new WsctlError(
        "UNREACHABLE",
        `no "wsctl serve" has left credentials in ${resolveDataDir(flags)}`,
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
 * The identity that this agent has, or gets by a join string; undefined where it has a token
 * instead. A string that was used before is passed over, so that it may stay in a unit file.
 */
async function joinedIdentity(options: AgentConnectionOptions): Promise<AgentIdentity | undefined> {
  const { flags, join: text, agentId, dir, runtime, log, signal } = options;
  const path = join(dir, "identity.json");
  const known = AgentIdentity.read(path);
  if (text === undefined) {
    const isOther = flags.server !== undefined || readToken(flags) !== undefined;
    return isOther ? undefined : known;
  }
  const order = parseJoin(text);
  if (known?.stored.join_token_id === order.token.split("-")[1]) return known;
  const now = Date.now();
  for (let said = ""; ; ) {
    try {
      return await joinFleet({ join: order, agentId, path, runtime, log, now, signal });
    } catch (error) {
      if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
      if (signal.aborted) return undefined;
      if (error.message !== said) log.info(`waiting for the control plane: ${error.message}`);
      said = error.message;
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
}

/** Whether another control plane is named than the one of this host, if that is known. */
function isElsewhere(flags: ClientFlags): boolean {
  return (
    flags.server !== undefined && readLocal(resolveDataDir(flags))?.url !== httpUrl(flags.server)
  );
}

async function localAccess(
  local: LocalCredentials,
  options: AgentConnectionOptions,
): Promise<ConnectionSettings> {
  const { agentId, dir, runtime } = options;
  const { url, ca } = local;
  const path = join(dir, "token.json");
  let token = readLocalToken(path, local);
  if (token === undefined) {
    const client = new Client({ url, token: local.token, fetch: runtime.fetchWith(ca) });
    token = (await client.createToken({ role: "agent", agent_id: agentId })).token;
    const kept: StoredLocalToken = { token, created_with: issuer(local) };
    writeFileSync(path, JSON.stringify(kept), { mode: 0o600 });
  }
  return { url, token, ...(ca === undefined ? {} : { ca }) };
}

function readLocalToken(path: string, local: LocalCredentials): string | undefined {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as StoredLocalToken;
    return kept.created_with === issuer(local) ? kept.token : undefined;
  } catch {
    // None yet, or not readable: a new one is made and written in its place.
    return undefined;
  }
}

/** The public part of the local credentials' token. */
function issuer(local: LocalCredentials): string {
  return local.token.split("-").slice(0, 2).join("-");
}
