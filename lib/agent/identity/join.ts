/**
 * Joins a control plane. First the authority of the control plane is compared with the fingerprint
 * of the join string. Only then is the secret sent, over a connection that this authority
 * certifies.
 */
import type { Log } from "../../log/log.ts";
import { fetchAuthority } from "../../network/authority.ts";
import { toTrust } from "../../network/trust.ts";
import type { Join } from "../../protocol/api/joinString.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { generateKey, readPrivateKey } from "../../protocol/keys.ts";
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
  const ca =
    join.fingerprint === undefined ? options.ca : await fetchAuthority(join.url, join.fingerprint);
  const { pem, publicKey } = generateKey();
  const tokenId = join.token.split("-")[1] ?? "";
  const text = buildJoinText(tokenId, agentId, publicKey.text);
  const signature = Buffer.from(readPrivateKey(pem).sign(text)).toString("base64url");
  const access = { url: join.url, token: join.token, fetch: runtime.fetchWith(toTrust({ ca })) };
  const request = { agent_id: agentId, public_key: publicKey.text, signature };
  const joined = await ask(access, "POST", "/api/v1/join", request, signal).then(
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
