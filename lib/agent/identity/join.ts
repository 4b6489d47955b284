/**
 * Joins a control plane. First the authority of the control plane is compared with the fingerprint
 * of the join string. Only then is the secret sent, over a connection that this authority
 * certifies.
 */
import type { PeerCertificate } from "node:tls";
import type { Log } from "../../log/log.ts";
import { plainReason } from "../../network/connectionError.ts";
import { findProxy } from "../../network/proxyRules.ts";
import { toTrust } from "../../network/trust.ts";
import { openTls } from "../../network/tunnel.ts";
import { computeFingerprint, type Join } from "../../protocol/api/joinString.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { generateKey, readPrivateKey } from "../../protocol/keys.ts";
import { connectTimeoutMs } from "../../protocol/limits.ts";
import { buildJoinText, type Joined } from "../../protocol/wire/keyProof.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { ask } from "../../transfer/apiCall.ts";
import { AgentIdentity } from "./identity.ts";

export interface JoinOptions {
  join: Join;
  /** PEM text of the CA to trust, if the join string has no fingerprint. */
  ca?: string;
  agentId: string;
  /** Path of the identity file. */
  path: string;
  runtime: Runtime;
  log: Log;
  now: number;
  signal: AbortSignal;
}

/**
 * Joins the control plane and stores the identity.
 * @throws {WsctlError} FORBIDDEN if the authority is another one, UNAUTHORIZED if the join string
 * is not valid, UNREACHABLE without a connection.
 */
export async function joinFleet(options: JoinOptions): Promise<AgentIdentity> {
  const { join, agentId, path, runtime, log, now, signal } = options;
  const ca = join.fingerprint === undefined ? options.ca : await fetchAuthority(join);
  const { pem, publicKey } = generateKey();
  const tokenId = join.token.split("-")[1] ?? "";
  const text = buildJoinText(tokenId, agentId, publicKey.text);
  const signature = Buffer.from(readPrivateKey(pem).sign(text)).toString("base64url");
  const access = { url: join.url, token: join.token, fetch: runtime.fetchWith(toTrust({ ca })) };
  const order = { agent_id: agentId, public_key: publicKey.text, signature };
  const joined = await ask(access, "POST", "/api/v1/join", order, signal).then(
    ({ body }) => body as Joined,
    (error) => {
      if (!(error instanceof WsctlError) || error.code !== "UNAUTHORIZED") throw error;
      const text = `${join.url} rejected the join string: it was used or revoked, or has expired`;
      throw new WsctlError(
        "UNAUTHORIZED",
        `${text}. Create another with "wsctl tokens create --join"`,
      );
    },
  );
  const identity = AgentIdentity.create(path, {
    url: join.url,
    ...(ca === undefined ? {} : { ca }),
    control_id: joined.control_id,
    agent_id: agentId,
    key_id: joined.token_id,
    private_key: pem,
    counter: 0,
    join_token_id: tokenId,
    key_created_at: now,
  });
  const next = joined.pending ? `; approve it with "wsctl agents approve ${agentId}"` : "";
  log.info(`joined ${join.url} as ${agentId}${next}`);
  return identity;
}

/**
 * Returns the PEM text of the authority in the server's certificate chain whose key has this
 * fingerprint. Nothing is sent on this connection, and nothing else that it presents is trusted.
 */
async function fetchAuthority({ url, fingerprint = "" }: Join): Promise<string> {
  const target = new URL(url);
  const way = { proxy: findProxy(target, process.env), timeoutMs: connectTimeoutMs };
  const socket = await openTls(target, "any", way).catch((error) => {
    const text = `Cannot reach the control plane at ${url}: ${plainReason(error)}`;
    throw new WsctlError("UNREACHABLE", text, { cause: error });
  });
  const chain = readChain(socket.getPeerCertificate(true));
  socket.destroy();
  const found = chain.find((raw) => computeFingerprint(raw) === fingerprint);
  if (found !== undefined) return toPem(found);
  const text = `${url} is not the control plane that this join string is from: its authority has another fingerprint. Nothing was sent to it`;
  throw new WsctlError("FORBIDDEN", text);
}

/** Returns the chain from the leaf up to the first self-issued certificate. */
function readChain(leaf: PeerCertificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  let each = leaf as (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined;
  while (each?.raw !== undefined && chain.length < 10) {
    chain.push(each.raw);
    const issuer = each.issuerCertificate;
    each = issuer === each ? undefined : issuer;
  }
  return chain;
}

function toPem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
