/** The position in a distributed trace, as one text (W3C Trace Context, section 3.2). */
import * as v from "valibot";

export interface TracePosition {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits: the span that causes the next one. */
  spanId: string;
  isSampled: boolean;
}

const shape = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

export const Traceparent = v.pipe(
  v.string("must be a string"),
  v.check((text) => parseTraceparent(text) !== undefined, "must be a traceparent"),
);

/** Returns undefined for a text that is none, which a receiver ignores. */
export function parseTraceparent(text: string): TracePosition | undefined {
  const [, traceId = "", spanId = "", flags = ""] = shape.exec(text) ?? [];
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TracePosition): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

/** The span of a job or a request: the random part of its id. */
export function spanIdOf(uuid: string): string {
  return uuid.replaceAll("-", "").slice(-16);
}

/** Returns the position below a job or a request, in the trace of another one. */
export function withSpanOf(traceparent: string, uuid: string): string {
  const position = parseTraceparent(traceparent);
  return position === undefined
    ? traceparent
    : formatTraceparent({ ...position, spanId: spanIdOf(uuid) });
}
