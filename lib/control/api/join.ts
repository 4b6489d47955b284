/**
 * HTTP routes that register an agent's public key: first with a join token, later with the current
 * key.
 */
import * as v from "valibot";
import { WsctlError } from "../../protocol/errors.ts";
import { parsePublicKey } from "../../protocol/keys.ts";
import { AgentId } from "../../protocol/names.ts";
import { buildJoinText, formatKeyId, type Joined } from "../../protocol/wire/keyProof.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

const PublicKeyText = v.pipe(
  v.string("must be a string"),
  v.check(isPublicKey, 'must be "wsctl-ed25519:" and 32 bytes in base64url'),
);
const SignatureText = v.pipe(
  v.string("must be a string"),
  v.regex(/^[\w-]{86}$/, "must be 64 bytes in base64url"),
);

/** The signature covers `buildJoinText` with the id of the token in use. */
const KeyRequest = v.strictObject({
  agent_id: AgentId,
  public_key: PublicKeyText,
  signature: SignatureText,
});
type KeyRequest = v.InferOutput<typeof KeyRequest>;

export const joinRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/join",
    permission: "agents.join",
    notInConsole: true,
    action: "agent.join",
    body: KeyRequest,
    handle: join,
  }),
  routeWithBody({
    method: "POST",
    path: "/api/v1/agent-key",
    permission: "self.rotate",
    notInConsole: true,
    action: "agent.rotate",
    body: KeyRequest,
    handle: rotate,
  }),
];

/**
 * Responds 201 with the key's id. One transaction spends a use of the token and activates the key.
 */
function join(context: RouteContext<KeyRequest>): Response {
  const { c, body: request, engine, revocations, token, now, approveAgents } = context;
  const { tokens, controlId } = engine.journal;
  const { agent_id: agentId } = request;
  context.resource.agent = agentId;
  requirePossession(request, token.tokenId);
  if (token.agentId !== undefined && token.agentId !== agentId) {
    const text = `Join string is for agent "${token.agentId}". Start the agent with --id ${token.agentId}`;
    throw new WsctlError("FORBIDDEN", text);
  }
  const before = tokens.findByAgent(agentId, now);
  // Revoked agents count too: a new host must not take over their labels and queued requests.
  if (engine.core.registry.agents.has(agentId) && token.agentId === undefined) {
    const text = `Agent "${agentId}" already exists. Choose another --id, or create a join string with --agent ${agentId}`;
    throw new WsctlError("CONFLICT", text);
  }
  const key = buildKey(request, token, now, approveAgents);
  if (tokens.get(key.tokenId) !== undefined) {
    throw new WsctlError("CONFLICT", "Public key is already registered. Generate a new key");
  }
  if (
    !tokens.join(
      token.tokenId,
      key,
      before.map(({ tokenId }) => tokenId),
    )
  ) {
    throw new WsctlError("UNAUTHORIZED", "Join string has no uses left. Create a new one");
  }
  for (const { tokenId } of before) revocations.disconnect(tokenId);
  const { labels } = token;
  engine.notify({ type: "agentRegistered", agentId, ...(labels === undefined ? {} : { labels }) });
  const body: Joined = {
    token_id: key.tokenId,
    agent_id: agentId,
    control_id: controlId,
    pending: key.state === "pending",
  };
  return c.json(body, 201);
}

/** Replaces the key of an agent. The old key is revoked; the current connection stays open. */
function rotate({ c, body: request, engine, token, now }: RouteContext<KeyRequest>): Response {
  const { tokens, controlId } = engine.journal;
  requirePossession(request, token.tokenId);
  if (token.publicKey === undefined || token.agentId !== request.agent_id) {
    throw new WsctlError("FORBIDDEN", "Only an agent that has joined may rotate its key");
  }
  const key = { ...buildKey(request, token, now, false), createdBy: token.createdBy };
  if (tokens.get(key.tokenId) !== undefined) {
    throw new WsctlError("CONFLICT", "Public key is already registered. Generate a new key");
  }
  tokens.rotateKey(token.tokenId, key);
  engine.notify({ type: "tokenRotated", tokenId: token.tokenId, newId: key.tokenId });
  const { tokenId: token_id } = key;
  const rest = { agent_id: request.agent_id, control_id: controlId, pending: false };
  const body: Joined = { token_id, ...rest };
  return c.json(body, 201);
}

function buildKey(
  request: KeyRequest,
  token: StoredToken,
  now: number,
  isPending: boolean,
): StoredToken {
  const { labels } = token;
  return {
    tokenId: formatKeyId(parsePublicKey(request.public_key)),
    role: "agent",
    publicKey: request.public_key,
    agentId: request.agent_id,
    state: isPending ? "pending" : "active",
    ...(labels === undefined ? {} : { labels }),
    counter: 0,
    createdAt: now,
    createdBy: token.tokenId,
  };
}

/** Requires proof of possession, so that a client cannot register another agent's public key. */
function requirePossession(request: KeyRequest, tokenId: string): void {
  const text = buildJoinText(tokenId, request.agent_id, request.public_key);
  const signature = Buffer.from(request.signature, "base64url");
  if (parsePublicKey(request.public_key).verifies(text, signature)) return;
  throw new WsctlError("FORBIDDEN", "Signature does not match the public key and the request");
}

function isPublicKey(text: string): boolean {
  try {
    return parsePublicKey(text) !== undefined;
  } catch (error) {
    if (error instanceof WsctlError) return false;
    throw error;
  }
}
