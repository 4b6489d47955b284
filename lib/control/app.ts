/**
 * The one Hono application: the agents' WebSocket, the API, health. Every route of the API is in a
 * table with the role it asks for; an error has one way out.
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { ErrorBody } from "../protocol/api.ts";
import { type ErrorCode, errorCodes, errorText, WsctlError } from "../protocol/errors.ts";
import { bodyBytesMax } from "../protocol/limits.ts";
import { timestamp } from "../protocol/timestamp.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { addAgentRoute } from "./agentRoute.ts";
import type { Artifacts } from "./artifacts/artifacts.ts";
import { EmbeddedStore } from "./artifacts/embeddedStore.ts";
import { addTransferRoutes } from "./artifacts/transferRoutes.ts";
import type { Engine } from "./engine.ts";
import { agentRoutes } from "./routes/agents.ts";
import { artifactRoutes } from "./routes/artifacts.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { releaseRoutes } from "./routes/releases.ts";
import type { Route } from "./routes/route.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { authenticate, permits } from "./tokens.ts";

export interface AppOptions {
  engine: Engine;
  artifacts: Artifacts;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

export const routes: readonly Route[] = [
  ...jobRoutes,
  ...agentRoutes,
  ...artifactRoutes,
  ...releaseRoutes,
  ...tokenRoutes,
];

export function createApp(options: AppOptions): Hono {
  const { engine, artifacts, runtime, clock, log } = options;
  const app = new Hono();
  app.use(async (c, next) => {
    refuseTokenInUrl(c);
    await next();
    c.header("Cache-Control", "no-store");
  });
  app.get("/healthz", (c) => c.json({ status: "ok", time: timestamp(clock.now()) }));
  app.get("/readyz", (c) => {
    const reason = engine.unready;
    return reason === undefined
      ? c.json({ status: "ready" })
      : c.json({ status: "not ready", reason }, 503);
  });
  addAgentRoute(app, options);
  if (artifacts.store instanceof EmbeddedStore) {
    const { journal } = engine;
    addTransferRoutes(app, { artifacts, store: artifacts.store, journal, runtime });
  }
  app.use("/api/*", bodyLimit({ maxSize: bodyBytesMax, onError: () => refuseBody() }));
  for (const route of routes) {
    app.on(route.method, route.path, (c) => {
      const token = authenticate(engine.journal, c.req.header("authorization"));
      if (token === undefined)
        throw new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning);
      if (!permits(token.role, route.role)) {
        throw new WsctlError("FORBIDDEN", `this asks for a token of the role "${route.role}"`);
      }
      return route.handle({ c, engine, artifacts, token, now: clock.now() });
    });
  }
  app.notFound((c) => answer(c, "NOT_FOUND", "no such address; the API is below /api/v1/"));
  app.onError((error, c) => {
    if (error instanceof WsctlError) return answer(c, error.code, error.message);
    if (error instanceof HTTPException) return error.getResponse();
    log.error("a request failed", { path: c.req.path, reason: error.stack ?? errorText(error) });
    return answer(c, "INTERNAL", errorCodes.INTERNAL.meaning);
  });
  return app;
}

function answer(c: Context, code: ErrorCode, message: string): Response {
  const body: ErrorBody = { error: { code, message } };
  if (code === "UNAUTHORIZED") c.header("WWW-Authenticate", "Bearer");
  // What is left of the body is not read: the connection is of no use for another request.
  if (code === "TOO_LARGE") c.header("Connection", "close");
  return c.json(body, errorCodes[code].http);
}

/** URLs end up in logs and histories: a token there is refused, so that nobody gets used to it. */
function refuseTokenInUrl(c: Context): void {
  if (c.req.query("token") === undefined && c.req.query("access_token") === undefined) return;
  throw new WsctlError("MALFORMED", "a token belongs into the Authorization header, not the URL");
}

function refuseBody(): never {
  throw new WsctlError("TOO_LARGE", `the body is over ${bodyBytesMax} bytes`);
}
