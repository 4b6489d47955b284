/** Counts every request for the metrics. */
import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { HttpMetrics } from "../metrics/httpMetrics.ts";

/** Patterns of middleware, which every request or every call matches. */
const shared: ReadonlySet<string> = new Set(["/*", "/api/*"]);

export function countRequests(metrics: HttpMetrics): MiddlewareHandler {
  return async (c, next) => {
    const began = performance.now();
    await next();
    const route = matchedRoutes(c)
      .map(({ path }) => path)
      .findLast((path) => !shared.has(path));
    // The response to an upgrade is not this one, but that of the WebSocket.
    const status = route === "/agent" && c.res.status === 200 ? 101 : c.res.status;
    const durationMs = performance.now() - began;
    metrics.answered({ method: c.req.method, route, status, durationMs });
  };
}
