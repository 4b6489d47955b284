/**
 * Joining: the authority behind the control plane is compared with the fingerprint of the join
 * string first; only then is the secret sent, over a connection that this authority vouches for.
 */
import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import type { Log } from "../../log/log.ts";
import { computeFingerprint, type Join } from "../../protocol/api/joinString.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { generateKey, readPrivateKey } from "../../protocol/keys.ts";
import { connectTimeoutMs } from "../../protocol/limits.ts";
import { buildJoinText, type Joined } from "../../protocol/wire/keyProof.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { ask } from "../../transfer/apiCall.ts";
import { AgentIdentity } from "./identity.ts";

export interface JoinOptions {
  join: Join;
  agentId: string;
  /** Where the identity is kept. */
  path: string;
  runtime: Runtime;
  log: Log;
  now: number;
  signal: AbortSignal;
}

/** Throws what the control plane says against it, `FORBIDDEN` for another authority. */
export async function joinFleet(options: JoinOptions): Promise<AgentIdentity> {
  const { join, agentId, path, runtime, log, now, signal } = options;
  const ca = join.fingerprint === undefined ? undefined : await fetchAuthority(join);
  const { pem, publicKey } = generateKey();
  const tokenId = join.token.split("-")[1] ?? "";
  const text = buildJoinText(tokenId, agentId, publicKey.text);
  const signature = Buffer.from(readPrivateKey(pem).sign(text)).toString("base64url");
  const access = { url: join.url, token: join.token, fetch: runtime.fetchWith(ca) };
  const order = { agent_id: agentId, public_key: publicKey.text, signature };
  const joined = await ask(access, "POST", "/api/v1/join", order, signal).then(
    ({ body }) => body as Joined,
    (error) => {
      if (!(error instanceof WsctlError) || error.code !== "UNAUTHORIZED") throw error;
      const text = `${join.url} does not take this join string: it was used, revoked or has expired`;
      throw new WsctlError("UNAUTHORIZED", `${text}; "wsctl tokens create --join" makes another`);
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
  const next = joined.pending ? `; wsctl agents approve ${agentId} lets it in` : "";
  log.info(`joined ${join.url} as ${agentId}${next}`);
  return identity;
}

/**
 * PEM text of the authority whose key has this fingerprint, out of what the server presents.
 * Nothing is sent on this connection, and nothing else of it is believed.
 */
function fetchAuthority({ url, fingerprint = "" }: Join): Promise<string> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port === "" ? 443 : port),
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const ended = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(connectTimeoutMs, () => ended(unreachable(url, "no answer")));
    socket.once("error", (error) => ended(unreachable(url, errorText(error))));
    socket.once("secureConnect", () => {
      const found = readChain(socket.getPeerCertificate(true)).find(
        (raw) => computeFingerprint(raw) === fingerprint,
      );
      socket.destroy();
      if (found !== undefined) return resolve(toPem(found));
      const text = `${url} is not the control plane that this join string is from: its authority has another fingerprint. Nothing was sent to it`;
      reject(new WsctlError("FORBIDDEN", text));
    });
  });
}

/** The leaf first; ends with the first that issued itself. */
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

function unreachable(url: string, reason: string): WsctlError {
  return new WsctlError("UNREACHABLE", `Cannot reach the control plane at ${url}: ${reason}`);
}
