/** Tokens over HTTP: made, listed without their secrets, revoked with immediate effect. */
import { type NewToken, type Page, TokenOrder, type TokenView } from "../../protocol/api.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { createToken } from "../tokens.ts";
import { tokenView } from "../views.ts";
import { type Route, type RouteContext, readBody } from "./route.ts";

export const tokenRoutes: Route[] = [
  { method: "POST", path: "/api/v1/tokens", role: "admin", handle: create },
  { method: "GET", path: "/api/v1/tokens", role: "admin", handle: list },
  { method: "DELETE", path: "/api/v1/tokens/:token_id", role: "admin", handle: revoke },
  { method: "GET", path: "/api/v1/whoami", role: "operator", handle: whoami },
];

/** An agent's token also makes the agent known: requests may wait for it from now on. */
async function create({ c, engine, token, now }: RouteContext): Promise<Response> {
  const order = await readBody(c, TokenOrder);
  const made = createToken(engine.journal, order, token.tokenId, now);
  if (order.role === "agent") engine.tell({ type: "registered", agentId: order.agent_id });
  const body: NewToken = { ...tokenView(made.token), token: made.text };
  return c.json(body, 201);
}

function list({ c, engine }: RouteContext): Response {
  const page: Page<TokenView> = { items: engine.journal.tokens().map(tokenView) };
  return c.json(page);
}

function revoke({ c, engine, now }: RouteContext): Response {
  const tokenId = c.req.param("token_id") ?? "";
  if (!engine.journal.revokeToken(tokenId, now)) {
    throw new WsctlError("NOT_FOUND", "no such token; list them to see their ids");
  }
  engine.tell({ type: "revoked", tokenId });
  return c.body(null, 204);
}

function whoami({ c, token }: RouteContext): Response {
  return c.json(tokenView(token));
}
