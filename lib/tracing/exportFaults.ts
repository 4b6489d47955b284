/** Logs that a collector of spans cannot be reached: spans are lost, and nothing else. */
import { FaultSeries } from "../log/faultSeries.ts";
import type { Log } from "../log/log.ts";
import { plainReason } from "../network/connectionError.ts";
import type { Clock } from "../time/clock.ts";

/** Returns a function to call after each export, with the error if it failed. */
export function watchExports(
  log: Log,
  clock: Pick<Clock, "after">,
): (error: Error | undefined) => void {
  const faults = new FaultSeries(log, clock, "spans exported again");
  return (error) => {
    if (error === undefined) return faults.succeeded();
    faults.failed(`Cannot export spans to ${collector()}: ${plainReason(error)}`);
  };
}

/** The address without credentials and parameters. */
function collector(): string {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own, OTEL_EXPORTER_OTLP_ENDPOINT: base } =
    process.env;
  const url = URL.parse(own ?? base ?? "");
  return url === null ? "the collector" : `${url.origin}${url.pathname}`;
}
