/**
 * One connection for many jobs. Each job is created once and followed to its last outcome, also
 * when the connection is interrupted or the control plane is restarted in between.
 */
import type { JobRequestInput } from "../../protocol/api/jobs.ts";
import type { ClientMessageInput, SessionMessage } from "../../protocol/api/session.ts";
import type { AcceptedLine, JobView, StreamLine } from "../../protocol/api/views.ts";
import { isErrorCode, WsctlError } from "../../protocol/errors.ts";
import { messageBytesMax } from "../../protocol/limits.ts";
import { sessionJobsMax, sessionOutputJobsMax } from "../../protocol/sessionLimits.ts";
import type { SendOptions, SubmittedJob } from "../jobStream.ts";
import { jsonBody } from "../request.ts";
import { untilKnown } from "../retry.ts";
import type { Transport } from "../transport.ts";
import { OpenJob, type OpenJobOptions } from "./openJob.ts";
import { SessionLink } from "./sessionLink.ts";
import { Slots } from "./slots.ts";

/** A session of the client. */
export interface ClientSession extends AsyncDisposable {
  /**
   * Creates a job and follows it to its last outcome. Waits for its turn if the session has as many
   * open jobs as it may have.
   *
   * @throws {WsctlError} the code of the control plane, or UNREACHABLE
   */
  send(request: JobRequestInput, options?: SendOptions): Promise<SubmittedJob>;
  /** Follows an existing job from its first outcome, with the output that is still available. */
  watchJob(job: JobView, options?: SendOptions): AsyncIterable<StreamLine>;
  /** Ends the session. Its jobs go on, and nothing more is received about them. */
  close(): Promise<void>;
}

/** @throws {WsctlError} the code of the control plane, or UNREACHABLE */
export async function openSession(http: Transport): Promise<ClientSession> {
  const session = new JobSession(http);
  await session.open();
  return session;
}

class JobSession implements ClientSession {
  readonly #http: Transport;
  readonly #link: SessionLink;
  readonly #jobs = new Map<string, OpenJob>();
  readonly #slots = new Slots(sessionJobsMax);
  readonly #outputSlots = new Slots(sessionOutputJobsMax);
  #refs = 0;
  #fault: unknown;

  constructor(http: Transport) {
    this.#http = http;
    this.#link = new SessionLink(http, {
      opened: () => {
        for (const job of this.#jobs.values()) job.begin();
      },
      message: (text) => this.#received(text),
      failed: (error) => this.#fail(error),
    });
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  async send(request: JobRequestInput, options: SendOptions = {}): Promise<SubmittedJob> {
    const { signal, withOutput = false } = options;
    const key = crypto.randomUUID();
    const ref = `${++this.#refs}`;
    const submit = { type: "submit", ref, key, job: request, output: withOutput } as const;
    const job = await this.#open({ ref, withOutput, submit }, signal);
    return { accepted: await job.accepted, lines: this.#read(job, signal) };
  }

  async *watchJob({ job_id: jobId }: JobView, options: SendOptions = {}) {
    const { signal, withOutput = false } = options;
    const job = await this.#open({ ref: `${++this.#refs}`, withOutput, jobId }, signal);
    yield* this.#read(job, signal);
  }

  async close(): Promise<void> {
    this.#link.close();
    this.#fail(new WsctlError("CANCELLED", "Cannot follow the job: its session was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(
    options: Omit<OpenJobOptions, "send" | "ended">,
    signal: AbortSignal | undefined,
  ): Promise<OpenJob> {
    const slots = options.withOutput ? [this.#slots, this.#outputSlots] : [this.#slots];
    for (const each of slots) await each.take();
    const leave = () => {
      for (const each of slots) each.give();
    };
    if (this.#fault !== undefined || signal?.aborted) {
      leave();
      throw this.#fault ?? signal?.reason;
    }
    const job = new OpenJob({
      ...options,
      send: (message) => this.#send(message),
      ended: () => {
        this.#jobs.delete(options.ref);
        signal?.removeEventListener("abort", abort);
        leave();
      },
    });
    const abort = () => this.#stop(job, signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#jobs.set(job.ref, job);
    job.begin();
    return job;
  }

  async *#read(job: OpenJob, signal: AbortSignal | undefined): AsyncGenerator<StreamLine> {
    try {
      yield* job.read();
    } finally {
      // The reader may have left before the end.
      this.#stop(job, signal?.reason);
    }
  }

  #stop(job: OpenJob, reason: unknown): void {
    if (job.hasEnded) return;
    this.#link.send(JSON.stringify({ type: "stop", ref: job.ref }));
    job.fail(reason);
  }

  #send(message: ClientMessageInput): void {
    const text = JSON.stringify(message);
    if (message.type === "submit" && Buffer.byteLength(text) > messageBytesMax) {
      this.#submitLarge(message).catch((error) => this.#jobs.get(message.ref)?.fail(error));
      return;
    }
    this.#link.send(text);
  }

  /** What is too long for one message is created over HTTP, and followed here. */
  async #submitLarge({ job: body, key, ref }: ClientMessageInput & { type: "submit" }) {
    const init = jsonBody(body);
    const headers = { ...init.headers, "Idempotency-Key": key ?? "" };
    const request = { ...init, headers };
    const accepted = await untilKnown(undefined, () =>
      this.#http.json<AcceptedLine>("/api/v1/jobs", request, null),
    );
    const job = this.#jobs.get(ref);
    job?.accept(accepted);
    job?.begin();
  }

  #received(text: string): void {
    const message = JSON.parse(text) as SessionMessage;
    const job = message.ref === undefined ? undefined : this.#jobs.get(message.ref);
    if (job === undefined) return;
    switch (message.type) {
      case "accepted": {
        const { type: _type, ref: _ref, ...accepted } = message;
        return job.accept(accepted);
      }
      case "lines": {
        const lines = message.lines as StreamLine[];
        return job.take(lines, Buffer.byteLength(text), message.ended === true);
      }
      case "refused":
      case "error": {
        const { code, message: reason } = message.error;
        return job.refuse(new WsctlError(isErrorCode(code) ? code : "INTERNAL", reason));
      }
      default:
        return undefined;
    }
  }

  #fail(error: unknown): void {
    this.#fault ??= error;
    for (const job of [...this.#jobs.values()]) job.fail(error);
  }
}
