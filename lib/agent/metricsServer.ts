/** `GET /metrics` of an agent, for Prometheus. */
import { createServer, type Server } from "node:http";
import { FaultSeries } from "../log/faultSeries.ts";
import type { Log } from "../log/log.ts";
import { listenReason } from "../network/connectionError.ts";
import type { Clock } from "../time/clock.ts";
import type { AgentMetrics } from "./agentMetrics.ts";

const retryMs = 5_000;

export interface MetricsServerOptions {
  host: string;
  port: number;
  metrics: AgentMetrics;
  clock: Pick<Clock, "after">;
  log: Log;
}

/**
 * Serves until the returned function is called. A port in use is no reason for an agent to end:
 * during an update two versions run for a while.
 */
export function serveMetrics({ host, port, metrics, clock, log }: MetricsServerOptions) {
  const at = `${host.includes(":") ? `[${host}]` : host}`;
  const faults = new FaultSeries(log, clock, "metrics served again");
  let server: Server | undefined;
  let cancel = () => {};
  const listen = () => {
    server = createServer((request, response) => {
      const isScrape = request.method === "GET" && request.url?.split("?")[0] === "/metrics";
      if (!isScrape) {
        response.writeHead(404, { "Content-Type": "text/plain" });
        response.end("Not found. The metrics are at GET /metrics\n");
        return;
      }
      void metrics.scrape().then(({ contentType, text }) => {
        response.writeHead(200, { "Content-Type": contentType });
        response.end(text);
      });
    });
    server.once("error", (error) => {
      faults.failed(`Cannot serve metrics at ${at}:${port}: ${listenReason(error)}`);
      cancel = clock.after(retryMs, listen);
    });
    server.listen(port, host, () => {
      faults.succeeded();
      const address = server?.address();
      const bound = typeof address === "object" ? address?.port : undefined;
      log.info(`serving metrics on http://${at}:${bound ?? port}/metrics`);
    });
  };
  listen();
  return () => {
    cancel();
    faults.close();
    server?.close();
    server?.closeAllConnections();
  };
}
