/** The HTTP route that Prometheus scrapes. */
import type { Route, RouteContext } from "./route.ts";

export const metricsRoutes: Route[] = [
  { method: "GET", path: "/metrics", permission: "metrics.read", handle: scrape },
];

async function scrape({ metrics }: RouteContext): Promise<Response> {
  const { contentType, text } = await metrics.scrape();
  return new Response(text, { headers: { "Content-Type": contentType } });
}
