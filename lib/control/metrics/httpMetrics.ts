/** Counts HTTP requests by the pattern of their route, so that no client chooses a label. */
import { Counter, Histogram, type OpenMetricsContentType, type Registry } from "prom-client";

/** Upper bounds in seconds, until the response begins. */
const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

export interface AnsweredRequest {
  method: string;
  /** Such as `/api/v1/jobs/:job_id`; undefined if no route matched. */
  route: string | undefined;
  status: number;
  /** Milliseconds until the response began. */
  durationMs: number;
}

export class HttpMetrics {
  readonly #requests;
  readonly #duration;

  constructor(registers: Registry<OpenMetricsContentType>[]) {
    this.#requests = new Counter({
      name: "wsctl_http_requests_total",
      help: "HTTP requests, by method, route and class of the status",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#duration = new Histogram({
      name: "wsctl_http_request_duration_seconds",
      help: "From a request to the beginning of its response, by route",
      labelNames: ["route"],
      buckets,
      registers,
    });
  }

  answered({ method, route = "unmatched", status, durationMs }: AnsweredRequest): void {
    this.#requests.inc({
      method: methods.has(method) ? method : "other",
      route,
      status: `${Math.floor(status / 100)}xx`,
    });
    this.#duration.observe({ route }, durationMs / 1000);
  }
}
