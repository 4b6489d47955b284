/**
 * HTTP routes that create, list, rotate and revoke tokens. Only creation and rotation return a
 * secret.
 */
import { type NewToken, TokenRequest, type TokenView } from "../../protocol/api/tokens.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { createToken, exchangeLogin, isInForce, rotateSecret } from "../auth/bearerTokens.ts";
import { tokenView } from "../views/views.ts";
import { resolveId } from "./idPrefix.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

export const tokenRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/tokens",
    permission: "tokens.manage",
    needsConfirmation: true,
    action: "token.create",
    body: TokenRequest,
    handle: create,
  }),
  { method: "GET", path: "/api/v1/tokens", permission: "tokens.manage", handle: list },
  {
    method: "POST",
    path: "/api/v1/tokens/:token_id/rotate",
    permission: "tokens.manage",
    needsConfirmation: true,
    action: "token.rotate",
    handle: rotate,
  },
  {
    method: "DELETE",
    path: "/api/v1/tokens/:token_id",
    permission: "tokens.manage",
    action: "token.revoke",
    blocksAgents: true,
    handle: revoke,
  },
  {
    method: "POST",
    path: "/api/v1/login",
    permission: "self.login",
    notInConsole: true,
    action: "token.login",
    handle: exchange,
  },
  { method: "GET", path: "/api/v1/whoami", permission: "self.read", handle: whoami },
];

/** A token for an agent also registers the agent, so that requests can be queued for it. */
function create(context: RouteContext<TokenRequest>): Response {
  const { c, body: request, engine, revocations, token, resource, now, publicAddress } = context;
  const { seat } = context;
  const made = createToken(engine.journal.tokens, request, token.tokenId, now);
  revocations.arm();
  Object.assign(resource, { token_id: made.token.tokenId, role: request.role });
  if (request.role === "agent") {
    const { agent_id: agentId, labels } = request;
    engine.notify({
      type: "agentRegistered",
      agentId,
      ...(labels === undefined ? {} : { labels }),
    });
  }
  const body: NewToken = { ...tokenView(made.token, now), token: made.text };
  const nodes = seat?.addresses() ?? [];
  if (request.role === "login") body.login = publicAddress.loginString(made.text, nodes);
  if (request.role === "join") {
    body.join = publicAddress.joinString(made.text, request.agent_id, nodes);
  }
  return c.json(body, 201);
}

/** Responds 201 with the token of the login string, which is spent. */
function exchange({ c, engine, revocations, token, resource, now }: RouteContext): Response {
  const made = exchangeLogin(engine.journal.tokens, token, now);
  if (made === undefined) {
    throw new WsctlError("UNAUTHORIZED", "Login string has no uses left. Create a new one");
  }
  revocations.arm();
  Object.assign(resource, { new_token_id: made.token.tokenId, role: made.token.role });
  const body: NewToken = { ...tokenView(made.token, now), token: made.text };
  return c.json(body, 201);
}

function list({ c, engine, now }: RouteContext): Response {
  const tokens = engine.journal.tokens.all();
  const page: Page<TokenView> = { items: tokens.map((token) => tokenView(token, now)) };
  return c.json(page);
}

/** Replaces the secret and closes the connections that were opened with the old one. */
function rotate(context: RouteContext): Response {
  const { c, engine, revocations, now } = context;
  const { tokens } = engine.journal;
  const tokenId = findTokenId(context);
  const token = tokens.get(tokenId);
  if (token === undefined) throw unknownToken(c);
  if (token.publicKey !== undefined) {
    throw new WsctlError(
      "CONFLICT",
      "Cannot rotate token: it is an agent's key, which the agent renews itself",
    );
  }
  if (!isInForce(token, now)) {
    throw new WsctlError(
      "CONFLICT",
      "Cannot rotate token: it has expired or was revoked. Create a new token",
    );
  }
  const text = rotateSecret(tokens, tokenId);
  revocations.disconnect(tokenId);
  const body: NewToken = { ...tokenView(token, now), token: text };
  return c.json(body);
}

/** Responds with the whole id. */
function revoke(context: RouteContext): Response {
  const { c, revocations } = context;
  const tokenId = findTokenId(context);
  if (!revocations.revoke(tokenId)) throw unknownToken(c);
  return c.json({ token_id: tokenId });
}

/** Returns the id that the path names or begins; for the audit trail too. */
function findTokenId({ c, engine, resource }: RouteContext): string {
  const { tokens } = engine.journal;
  const given = c.req.param("token_id") ?? "";
  const tokenId = resolveId(given, {
    what: "token",
    isKnown: (id) => tokens.get(id) !== undefined,
    startingWith: tokens.idsFrom,
  });
  if (tokenId !== given) resource.token_id = tokenId;
  return tokenId;
}

function whoami({ c, token, now }: RouteContext): Response {
  return c.json(tokenView(token, now));
}

function unknownToken(c: RouteContext["c"]): WsctlError {
  const text = `Unknown token "${c.req.param("token_id") ?? ""}". List the tokens to see their ids`;
  return new WsctlError("NOT_FOUND", text);
}
