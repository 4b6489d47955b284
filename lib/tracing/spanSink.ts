/**
 * Sends spans to an OpenTelemetry collector over OTLP/HTTP, by the official packages. It is off
 * unless the standard variable `OTEL_EXPORTER_OTLP_ENDPOINT` (or the one for traces) is set.
 */
import type { JsonObject } from "../protocol/json.ts";
import type { TracePosition } from "../protocol/traceparent.ts";
import { version } from "../protocol/wire/version.ts";

export interface SpanFacts {
  name: string;
  /** The span itself. */
  at: Omit<TracePosition, "isSampled">;
  parentSpanId?: string | undefined;
  kind: "client" | "server" | "internal";
  /** Milliseconds since 1970. */
  startMs: number;
  endMs: number;
  attributes: JsonObject;
  /** Why it failed. */
  error?: string | undefined;
}

type Record = (facts: SpanFacts) => void;
type ExportDone = (result: { code: number; error?: Error }) => void;

export class SpanSink {
  readonly #record: Record;
  readonly #end: () => Promise<void>;

  private constructor(record: Record, end: () => Promise<void>) {
    this.#record = record;
    this.#end = end;
  }

  /**
   * Loads the packages only if spans are wanted.
   *
   * @param service such as `wsctl-agent`
   * @param exported Called after each export, with the error if it failed.
   */
  static async open(
    service: string,
    exported: (error: Error | undefined) => void = () => {},
    env = process.env,
  ): Promise<SpanSink | undefined> {
    if (!isTracingOn(env)) return undefined;
    const [api, sdk, otlp, resources] = await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
    const inner = new otlp.OTLPTraceExporter();
    const exporter: typeof inner = Object.create(inner, {
      export: {
        value: (spans: Parameters<typeof inner.export>[0], done: ExportDone) =>
          inner.export(spans, (result) => {
            const unknown = result.code === 0 ? undefined : new Error("the export failed");
            exported(result.error ?? unknown);
            done(result);
          }),
      },
    });
    let next = { traceId: "", spanId: "" };
    const provider = new sdk.TracerProvider({
      resource: resources.resourceFromAttributes({
        "service.name": env.OTEL_SERVICE_NAME ?? service,
        "service.version": version,
      }),
      // The ids follow from jobs and requests, so that both sides agree on them.
      idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
      spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
    });
    const tracer = provider.getTracer("wsctl", version);
    const kinds = {
      client: api.SpanKind.CLIENT,
      server: api.SpanKind.SERVER,
      internal: api.SpanKind.INTERNAL,
    };
    const record: Record = ({
      name,
      at,
      parentSpanId,
      kind,
      startMs,
      endMs,
      attributes,
      error,
    }) => {
      next = at;
      const parent = { traceId: at.traceId, spanId: parentSpanId ?? "", traceFlags: 1 };
      const context =
        parentSpanId === undefined
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, isRemote: true });
      const span = tracer.startSpan(
        name,
        { startTime: startMs, kind: kinds[kind], attributes: attributes as Attributes },
        context,
      );
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      span.end(endMs);
    };
    return new SpanSink(record, () => provider.shutdown());
  }

  record(facts: SpanFacts): void {
    this.#record(facts);
  }

  /** Sends the rest. A collector that cannot be reached is no reason to fail. */
  async close(): Promise<void> {
    await this.#end().catch(() => {});
  }
}

type Attributes = { [name: string]: string | number | boolean };

export function isTracingOn(env: Readonly<{ [name: string]: string | undefined }>): boolean {
  if (env.OTEL_SDK_DISABLED === "true" || env.OTEL_TRACES_EXPORTER === "none") return false;
  return [env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT].some(Boolean);
}

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
