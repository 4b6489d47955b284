/**
 * The tools for language models over HTTP: the transport "streamable HTTP" of the Model Context
 * Protocol (2025-06-18), without sessions. A call has the token of its caller, and reaches the
 * control plane by the same routes, checks and audit trail as every other client.
 */
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Context, Hono } from "hono";
import { Client } from "../client/client.ts";
import type { TokenView } from "../protocol/api/tokens.ts";
import { bodyBytesMax } from "../protocol/limits.ts";
import { createMcpServer, RateLimiter } from "./server.ts";

const mcpPath = "/api/v1/mcp";

export interface McpEndpointOptions {
  /** Whether tokens of operators are offered tools that act. */
  isActing: boolean;
  agentsMax: number;
  /** Called with each call of a tool, for a log. */
  onCall(tool: string, outcome: string, token: TokenView): void;
}

/** Proxies end a response without a byte after half a minute. */
const keepAliveMs = 10_000;
/** More tokens than this do not call tools at the same time. */
const limitersMax = 1_000;
/** What tells the control plane who the client is. */
const passedOn = ["authorization", "forwarded", "x-forwarded-for", "wsctl-node", "host"];

/** Adds the endpoint. Without a valid token the control plane's own answer is returned. */
export function addMcpEndpoint(app: Hono, options: McpEndpointOptions): void {
  const limiters = new Map<string, RateLimiter>();
  app.post(mcpPath, async (c) => {
    const call = inside(app, c);
    const checked = await call(new URL("/api/v1/whoami", c.req.url));
    if (!checked.ok) return checked;
    const token = (await checked.json()) as TokenView;
    const server = createMcpServer({
      client: new Client({ url: new URL(c.req.url).origin, token: "", fetch: call }),
      isActing: options.isActing && token.role === "operator",
      agentsMax: options.agentsMax,
      limiter: limiterOf(limiters, token.token_id),
      onCall: (tool, outcome) => options.onCall(tool, outcome, token),
    });
    const transport = new WebStandardStreamableHTTPServerTransport({
      ...{ keepAliveMs, maxRequestBodySize: bodyBytesMax },
    });
    await server.connect(transport);
    // A client that leaves cancels its calls.
    c.req.raw.signal.addEventListener("abort", () => void transport.close(), { once: true });
    return transport.handleRequest(c.req.raw);
  });
  // There are no sessions, so there is nothing to listen to and nothing to delete.
  app.on(["GET", "DELETE"], mcpPath, (c) => {
    c.header("Allow", "POST");
    return c.body(null, 405);
  });
}

/** Returns a `fetch` that calls the application itself, as the client of this request. */
function inside(app: Hono, { req, env }: Context): typeof fetch {
  const { origin } = new URL(req.url);
  const call = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    // The content of artifacts may be in a store of its own, whose URL is its own credential.
    if (new URL(input).origin !== origin) return fetch(input, init);
    const request = new Request(`${input}`, init);
    for (const name of passedOn) {
      const value = req.header(name);
      if (value !== undefined) request.headers.set(name, value);
    }
    const response = await app.fetch(request, env);
    return init?.signal ? endedBy(init.signal, response) : response;
  };
  return call as typeof fetch;
}

/** Ends the body with the signal, as `fetch` does. */
function endedBy(signal: AbortSignal, response: Response): Response {
  if (response.body === null) return response;
  return new Response(response.body.pipeThrough(new TransformStream(), { signal }), response);
}

/** The oldest one goes first: a token that calls again soon gets a new allowance at worst. */
function limiterOf(limiters: Map<string, RateLimiter>, tokenId: string): RateLimiter {
  const limiter = limiters.get(tokenId) ?? new RateLimiter();
  limiters.delete(tokenId);
  limiters.set(tokenId, limiter);
  const [oldest] = limiters.keys();
  if (limiters.size > limitersMax && oldest !== undefined) limiters.delete(oldest);
  return limiter;
}
