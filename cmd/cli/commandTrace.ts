/**
 * The trace of this command: it continues the one of `TRACEPARENT` in the environment, and begins
 * one if spans are sent to a collector.
 */
import { formatTraceparent, parseTraceparent } from "../../lib/protocol/traceparent.ts";
import { isTracingOn, newSpanId, newTraceId, SpanSink } from "../../lib/tracing/spanSink.ts";

const startMs = Date.now();
const spanId = newSpanId();
let isUsed = false;

function position() {
  const given = parseTraceparent(process.env.TRACEPARENT ?? "");
  if (!isTracingOn(process.env)) return given && { ...given, parentSpanId: undefined };
  const traceId = given?.traceId ?? newTraceId();
  return { traceId, spanId, isSampled: given?.isSampled ?? true, parentSpanId: given?.spanId };
}

const own = position();

/** Returns the header of the calls of this command; undefined without a trace. */
export function traceHeader(): string | undefined {
  isUsed = true;
  return own && formatTraceparent(own);
}

/** Sends the span of this command, if it has called a control plane. */
export async function endCommandTrace(name: string, status: number): Promise<void> {
  if (!isUsed || own === undefined || !own.isSampled) return;
  const sink = await SpanSink.open("wsctl");
  sink?.record({
    ...{ name: `wsctl ${name}`, at: own, parentSpanId: own.parentSpanId, kind: "client" },
    ...{ startMs, endMs: Date.now(), attributes: { "wsctl.exit_status": status } },
    error: status === 0 ? undefined : `exit status ${status}`,
  });
  await sink?.close();
}
