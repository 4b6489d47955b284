/** Traces of commands on this host: one span for each, which its program finds in TRACEPARENT. */
import type { LogFields } from "../log/log.ts";
import { formatTraceparent, parseTraceparent } from "../protocol/traceparent.ts";
import { newSpanId, type SpanSink } from "../tracing/spanSink.ts";
import type { CommandResult, RunSpec } from "./core/model.ts";

type Done = (result: CommandResult) => void;

export type LoggedRun = Pick<RunSpec, "requestId" | "command" | "traceparent">;

/** Returns the fields of lines of log about a run. */
export function describeRun({ requestId, command, traceparent }: LoggedRun): LogFields {
  const position = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  return { command, request_id: requestId, trace_id: position?.traceId };
}

/** Returns the command with the position of its own span, which is sent when it is done. */
export function traceRun(
  spec: RunSpec,
  done: Done,
  sink: SpanSink | undefined,
  agentId: string | undefined,
): { spec: RunSpec; done: Done } {
  const position = spec.traceparent === undefined ? undefined : parseTraceparent(spec.traceparent);
  if (sink === undefined || position === undefined || !position.isSampled) return { spec, done };
  const { traceId, spanId: parentSpanId } = position;
  const at = { traceId, spanId: newSpanId() };
  const startMs = Date.now();
  return {
    spec: { ...spec, traceparent: formatTraceparent({ ...at, isSampled: true }) },
    done: (result) => {
      sink.record({
        ...{ name: `execute ${spec.command}`, at, parentSpanId, kind: "server", startMs },
        endMs: Date.now(),
        attributes: {
          ...{ "wsctl.request_id": spec.requestId, "wsctl.command": spec.command },
          ...(agentId === undefined ? {} : { "wsctl.agent_id": agentId }),
          "wsctl.status": result.status,
        },
        error:
          result.status === "success" || result.status === "restart" ? undefined : result.status,
      });
      done(result);
    },
  };
}
