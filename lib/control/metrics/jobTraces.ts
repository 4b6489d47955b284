/** Traces of jobs: one span for the job, and one for each request from its acceptance to its end. */
import { formatTraceparent, parseTraceparent, spanIdOf } from "../../protocol/traceparent.ts";
import { newTraceId, type SpanSink } from "../../tracing/spanSink.ts";
import type { StoredJob, StoredOutcome } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";

export class JobTraces {
  readonly #sink: SpanSink | undefined;

  /** @param sink Undefined if no spans are sent; a position that is given is still passed on. */
  constructor(engine: Engine, sink: SpanSink | undefined) {
    this.#sink = sink;
    if (sink === undefined) return;
    engine.outcomeListeners.addForAll((outcome) => {
      const job = engine.journal.job(outcome.jobId);
      if (job?.traceparent !== undefined) this.#ended(job, job.traceparent, outcome, sink);
    });
  }

  /** Returns the position of a new job: as given, or that of a trace which begins here. */
  position(jobId: string, given: string | undefined): string | undefined {
    if (given !== undefined && parseTraceparent(given) !== undefined) return given;
    if (this.#sink === undefined) return undefined;
    return formatTraceparent({ traceId: newTraceId(), spanId: spanIdOf(jobId), isSampled: true });
  }

  close(): Promise<void> {
    return this.#sink?.close() ?? Promise.resolve();
  }

  #ended(job: StoredJob, traceparent: string, outcome: StoredOutcome, sink: SpanSink): void {
    const position = parseTraceparent(traceparent);
    if (position === undefined || !position.isSampled) return;
    const { traceId } = position;
    const jobSpan = spanIdOf(job.jobId);
    const ids = { "wsctl.job_id": job.jobId, "wsctl.command": job.command };
    const { requestId, agentId, endedAt, durationMs, code, message } = outcome;
    sink.record({
      name: `request ${job.command}`,
      at: { traceId, spanId: spanIdOf(requestId) },
      parentSpanId: jobSpan,
      kind: "client",
      startMs: endedAt - durationMs,
      endMs: endedAt,
      attributes: {
        ...ids,
        ...{ "wsctl.request_id": requestId, "wsctl.agent_id": agentId },
        "wsctl.outcome": outcome.outcome,
        ...(code === undefined ? {} : { "wsctl.code": code }),
      },
      error: outcome.outcome === "success" ? undefined : (message ?? outcome.outcome),
    });
    if (job.ended < job.total) return;
    const isRoot = position.spanId === jobSpan;
    sink.record({
      name: `job ${job.command}`,
      at: { traceId, spanId: jobSpan },
      parentSpanId: isRoot ? undefined : position.spanId,
      kind: "server",
      startMs: job.createdAt,
      endMs: endedAt,
      attributes: { ...ids, "wsctl.total": job.total, "wsctl.succeeded": job.succeeded },
      error: job.succeeded === job.total ? undefined : "not all requests succeeded",
    });
  }
}
