/** A job of a session on the side of the client: what was received, and what its reader has read. */
import type { ClientMessageInput } from "../../protocol/api/session.ts";
import type { AcceptedLine, StreamLine } from "../../protocol/api/views.ts";
import type { WsctlError } from "../../protocol/errors.ts";
import { messageBytesMax } from "../../protocol/limits.ts";
import { sessionCreditDefault } from "../../protocol/sessionLimits.ts";
import { retryPauseMs } from "../retry.ts";
import { StreamProgress } from "../streamCursor.ts";

type SubmitInput = ClientMessageInput & { type: "submit" };

/** How soon a job is sent again of which it is not known whether it was created. */
const repeatMs = 1_000;

export interface OpenJobOptions {
  ref: string;
  withOutput: boolean;
  /** How the job is created; undefined for a job that exists. */
  submit?: SubmitInput;
  jobId?: string;
  send(message: ClientMessageInput): void;
  /** Called once: the session has nothing more to do for the job. */
  ended(): void;
}

/** Lines of one message, with its size in bytes. */
interface Received {
  lines: StreamLine[];
  bytes: number;
}

export class OpenJob {
  readonly #options: OpenJobOptions;
  readonly #progress = new StreamProgress();
  readonly #accepted = Promise.withResolvers<AcceptedLine>();
  readonly #received: Received[] = [];
  #jobId: string | undefined;
  /** Bytes that the reader has read and for which no further credit was given. */
  #readBytes = 0;
  #unreadBytes = 0;
  #wake = () => {};
  /** The job may have been created. */
  #unconfirmed: WsctlError | undefined;
  readonly #giveUpAt = performance.now() + retryPauseMs;
  #end: { error?: unknown } | undefined;

  constructor(options: OpenJobOptions) {
    this.#options = options;
    this.#jobId = options.jobId;
    // Nothing waits for this if the job is only followed.
    this.#accepted.promise.catch(() => {});
  }

  get ref(): string {
    return this.#options.ref;
  }

  get accepted(): Promise<AcceptedLine> {
    return this.#accepted.promise;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Sends what opens the job in a new connection: it is created once, and then continued. */
  begin(): void {
    const { submit, ref, withOutput: output, send } = this.#options;
    if (this.#jobId === undefined && submit !== undefined) return send(submit);
    const { after, received } = this.#progress.position;
    const credit = Math.max(1, sessionCreditDefault - this.#unreadBytes);
    this.#readBytes = 0;
    const job_id = this.#jobId ?? "";
    const follow = { type: "follow", ref, job_id, after, output, credit } as const;
    const isShort = JSON.stringify(received).length < messageBytesMax / 2;
    // Chunks that are sent again are dropped here.
    send({ ...follow, ...(output && isShort ? { received } : {}) });
  }

  accept(accepted: AcceptedLine): void {
    this.#jobId = accepted.job.job_id;
    this.#accepted.resolve(accepted);
  }

  /** The control plane did not create the job, or does not know whether it has. */
  refuse(error: WsctlError): void {
    const isUnknown = this.#unconfirmed !== undefined && error.code === "UNAVAILABLE";
    const isOver = performance.now() > this.#giveUpAt;
    if (error.code === "UNCONFIRMED") this.#unconfirmed = error;
    else if (!isUnknown) return this.fail(error);
    // That a repetition had no effect says nothing about the first attempt.
    if (isOver || this.#jobId !== undefined) return this.fail(this.#unconfirmed ?? error);
    const timer = setTimeout(() => {
      if (!this.hasEnded) this.begin();
    }, repeatMs);
    timer.unref();
  }

  take(lines: StreamLine[], bytes: number, hasEnded: boolean): void {
    this.#unreadBytes += bytes;
    const fresh = lines.filter((line) => this.#progress.isNew(line));
    this.#received.push({ lines: fresh, bytes });
    if (hasEnded) this.#finish({});
    this.#wake();
  }

  fail(error: unknown): void {
    this.#finish({ error });
    this.#accepted.reject(error);
    this.#wake();
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#options.ended();
  }

  /** Yields every line once. Lines that were received are yielded before an error is thrown. */
  async *read(): AsyncGenerator<StreamLine> {
    for (;;) {
      const next = this.#received.shift();
      if (next !== undefined) {
        yield* next.lines;
        this.#hasRead(next.bytes);
        continue;
      }
      if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #hasRead(bytes: number): void {
    this.#unreadBytes -= bytes;
    this.#readBytes += bytes;
    if (this.hasEnded || this.#readBytes < sessionCreditDefault / 2) return;
    const { ref, send } = this.#options;
    send({ type: "credit", ref, credit: this.#readBytes });
    this.#readBytes = 0;
  }
}
