/**
 * A job and its stream: created once, followed to its last outcome, and resumed after
 * interruptions.
 */

import type { JobRequestInput, RetryRequest } from "../protocol/api/jobs.ts";
import type { TemplateRunInput } from "../protocol/api/templates.ts";
import type { AcceptedLine, JobView, StreamLine } from "../protocol/api/views.ts";
import { WsctlError } from "../protocol/errors.ts";
import { readLines } from "./ndjson.ts";
import { jsonBody, withSignal } from "./request.ts";
import { untilKnown, withRetry } from "./retry.ts";
import { StreamProgress } from "./streamCursor.ts";
import type { Transport } from "./transport.ts";

type StreamRequest = JobRequestInput | RetryRequest | TemplateRunInput;

export interface SubmittedJob {
  accepted: AcceptedLine;
  /** Yields every outcome once and ends with the last, with live output if requested. */
  lines: AsyncIterable<StreamLine>;
}

export interface SendOptions {
  signal?: AbortSignal | undefined;
  /** Whether live output is requested; it precedes the outcome of its request. */
  withOutput?: boolean;
}

/**
 * The server sends an empty line every ten seconds, so longer silence means that the connection is
 * dead.
 */
const silenceMs = 35_000;

const ndjson = "application/x-ndjson";

export class JobStreams {
  readonly #http: Transport;

  constructor(http: Transport) {
    this.#http = http;
  }

  async send(request: StreamRequest, to: string, options: SendOptions = {}): Promise<SubmittedJob> {
    const { signal, withOutput = false } = options;
    const path = withOutput ? `${to}?output=true` : to;
    const init = { ...keyed(request, ndjson), ...withSignal(signal) };
    const { accepted, lines } = await untilKnown(signal, async () =>
      this.#firstLine(await this.#http.stream(path, init, ndjson)),
    );
    return { accepted, lines: this.follow(accepted.job, options, lines) };
  }

  async sendOnly(request: StreamRequest, path: string): Promise<AcceptedLine> {
    const init = keyed(request, "application/json");
    return untilKnown(undefined, () => this.#http.json<AcceptedLine>(path, init, null));
  }

  async #firstLine(response: Response) {
    const lines = readLines(response, silenceMs);
    const first = await lines.next().catch((error) => {
      throw this.#http.unreachable(error);
    });
    if (first.done) throw this.#http.unreachable(new Error("response ended early"));
    return { accepted: first.value as AcceptedLine, lines };
  }

  async *follow(
    job: JobView,
    options: SendOptions = {},
    first: AsyncIterable<unknown> = noLines(),
  ): AsyncGenerator<StreamLine> {
    const { signal } = options;
    const progress = new StreamProgress();
    let lines = first;
    while (progress.ended < job.total) {
      try {
        for await (const line of lines as AsyncIterable<StreamLine>) {
          if (progress.isNew(line)) yield line;
        }
      } catch (error) {
        if (signal?.aborted || error instanceof WsctlError) throw error;
        // The stream was interrupted; the rest is requested again below.
      }
      if (progress.ended >= job.total) return;
      const { path, init } = progress.rest(job.job_id, options.withOutput ?? false);
      const response = await withRetry(
        signal,
        () => true,
        () => this.#http.stream(path, { ...init, ...withSignal(signal) }, ndjson),
      );
      lines = readLines(response, silenceMs);
    }
  }
}

/** A request whose repetition creates no second job. */
function keyed(request: StreamRequest, accept: string) {
  const init = jsonBody(request);
  const headers = { ...init.headers, Accept: accept, "Idempotency-Key": crypto.randomUUID() };
  return { ...init, headers };
}

async function* noLines(): AsyncGenerator<never> {}
