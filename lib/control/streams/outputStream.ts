/**
 * Streams a job with live output: chunks as programs write them, then each outcome after the last
 * chunk of its request. The reader drives the stream: output is requested only as fast as it is
 * read, so that a paused terminal blocks the program once the agent's spool is full. An outcome is
 * held back while its output still arrives; if the output does not complete, a line reports it as
 * incomplete.
 */
import type { OutputLine } from "../../protocol/api/views.ts";
import {
  outputDrainMs,
  subscribedBytesMax,
  subscriptionRenewMs,
  subscriptionsPerStreamMax,
} from "../../protocol/limits.ts";
import type { OutputPayload } from "../../protocol/wire/outputFrame.ts";
import type { StoredJob, StoredOutcome } from "../core/model.ts";
import { outputCredit } from "../core/requests/outputSubscriptions.ts";
import type { Engine } from "../engine/engine.ts";
import type { LineSource, StreamSource } from "../engine/responseStreams.ts";
import { outcomeLine } from "../views/views.ts";
import { type FeedLimits, OutcomeFeed } from "./outcomeFeed.ts";
import { OutputDrainTimeout } from "./outputDrainTimeout.ts";
import { formatOutputLine } from "./outputLine.ts";

const chunkBytes = 128 * 1024;
const windowBytesMax = 512 * 1024;
const windowBytesMin = 8 * 1024;
const keepAliveMs = 10_000;

export interface OutputStreamOptions {
  engine: Engine;
  job: StoredJob;
  /** The cursor of the last outcome that was received; 0 for all. */
  after: number;
  /** The last chunk of each request's output that was received. */
  received: Readonly<Record<string, number>>;
  limits?: FeedLimits;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

interface RequestRef {
  requestId: string;
  agentId: string;
}

/** One request whose output is streamed. */
interface StreamedRequest extends RequestRef {
  subscriptionId: number;
  /** The last chunk that the reader has read. */
  taken: number;
  /** Bytes requested and not yet received. */
  bytesLeft: number;
  /** Chunks received and not yet read. */
  pieces: OutputPayload[];
  drain: OutputDrainTimeout;
}

export class OutputStream implements StreamSource, LineSource {
  readonly #options: OutputStreamOptions;
  readonly #feed: OutcomeFeed;
  readonly #streamed = new Map<string, StreamedRequest>();
  /** Requests that are not subscribed yet. */
  readonly #waiting: Map<string, RequestRef>;
  /** Outcomes whose output is not complete. */
  readonly #pendingLines = new Map<string, StoredOutcome>();
  readonly #renewal: NodeJS.Timeout;
  readonly #windowBytes: number;
  readonly #now: () => number;
  isOver = false;

  constructor(options: OutputStreamOptions) {
    const { engine, job, after, limits } = options;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#feed = new OutcomeFeed(engine, job, after, limits);
    const delivered = deliveredRequests(options);
    const wanted = engine.journal.requests(job.jobId).filter(({ requestId, agentId }) => {
      if (delivered.has(requestId)) return false;
      const capabilities = engine.core.registry.agents.get(agentId)?.record.capabilities;
      // An agent without capabilities never received `subscribe_output`. Capabilities may also have
      // been dropped since.
      if (capabilities === undefined) return false;
      const entry = engine.capabilities.get(capabilities)?.get(job.command);
      return entry === undefined || entry.output === true;
    });
    this.#waiting = new Map(wanted.map((request) => [request.requestId, request]));
    const count = Math.min(this.#waiting.size, subscriptionsPerStreamMax);
    const share = Math.floor(subscribedBytesMax / Math.max(1, count));
    this.#windowBytes = Math.max(windowBytesMin, Math.min(windowBytesMax, share));
    this.#renewal = setInterval(() => this.#renew(), subscriptionRenewMs);
    this.#admit();
  }

  /** Returns the next lines, or an empty line after a long time without any. */
  async next(): Promise<string> {
    while (!this.isOver) {
      const lines = this.read();
      if (lines !== "" || this.isOver) return lines;
      const isRung = await this.wait();
      if (!isRung && this.#pendingLines.size === 0) return "\n";
    }
    return "";
  }

  read(): string {
    return this.isOver ? "" : [...this.#outputLines(), ...this.#outcomeLines()].join("");
  }

  wait(): Promise<boolean> {
    return this.#feed.wait(this.#pendingLines.size > 0 ? outputDrainMs / 4 : keepAliveMs);
  }

  close(): void {
    clearInterval(this.#renewal);
    for (const watched of [...this.#streamed.values()]) this.#unsubscribe(watched);
    this.isOver = true;
    this.#feed.close();
  }

  #admit(): void {
    for (const [requestId, request] of this.#waiting) {
      if (this.#streamed.size >= subscriptionsPerStreamMax) return;
      this.#waiting.delete(requestId);
      this.#subscribe(request);
    }
  }

  #subscribe({ requestId, agentId }: RequestRef): void {
    const { engine, received } = this.#options;
    const subscriber = engine.newSubscription((piece) => {
      watched.pieces.push(piece);
      const cost = outputCredit(piece);
      watched.drain.received(cost, this.#now());
      watched.bytesLeft -= cost;
      this.#feed.wake();
    });
    const taken = received[requestId] ?? 0;
    const rest = new OutputDrainTimeout(this.#now());
    const watched: StreamedRequest = {
      ...{ requestId, agentId, subscriptionId: subscriber, taken, drain: rest },
      bytesLeft: this.#windowBytes,
      pieces: [],
    };
    this.#streamed.set(requestId, watched);
    this.#requestOutput(watched);
  }

  #requestOutput({
    subscriptionId,
    requestId,
    agentId,
    taken,
    pieces,
    bytesLeft: left,
  }: StreamedRequest): void {
    const bytesLeft = Math.max(0, left);
    const bytes = pieces.reduce((sum, piece) => sum + outputCredit(piece), bytesLeft);
    const after = taken;
    this.#options.engine.subscribeOutput({
      subscriptionId,
      requestId,
      agentId,
      after,
      bytes,
      bytesLeft,
    });
  }

  /** While the reader is connected, its programs wait for it, even if it does not read. */
  #renew(): void {
    for (const watched of this.#streamed.values()) this.#requestOutput(watched);
  }

  *#outputLines(): Generator<string> {
    let bytes = 0;
    for (const watched of [...this.#streamed.values()]) {
      while (watched.pieces.length > 0 && bytes < chunkBytes) {
        const piece = watched.pieces.shift() as OutputPayload;
        const line = this.#formatChunk(watched, piece);
        bytes += line.length;
        if (line !== "") yield line;
        if (piece.end) this.#unsubscribe(watched);
        else watched.taken = piece.sequence;
      }
      // Half of the window is in transit while the other half is read.
      const isDry = watched.pieces.length === 0 && watched.bytesLeft <= this.#windowBytes / 2;
      if (!isDry || !this.#streamed.has(watched.requestId)) continue;
      watched.bytesLeft = this.#windowBytes;
      watched.drain.requested(this.#now());
      this.#requestOutput(watched);
    }
    this.#admit();
  }

  #formatChunk(watched: StreamedRequest, piece: OutputPayload): string {
    const { subscription_id: _ours, end, bytes, ...output } = piece;
    const isWhole = output.skipped === undefined && !output.incomplete;
    return end && isWhole ? "" : this.#outputLine(watched, output, bytes);
  }

  #outputLine(
    { requestId, agentId }: RequestRef,
    about: Omit<OutputLine["output"], "text" | "base64">,
    bytes?: Uint8Array,
  ): string {
    const { jobId } = this.#options.job;
    return formatOutputLine({ job_id: jobId, request_id: requestId, agent: agentId }, about, bytes);
  }

  *#outcomeLines(): Generator<string> {
    const { job } = this.#options;
    for (const row of this.#feed.next()) {
      this.#streamed.get(row.requestId)?.drain.ended(this.#now());
      this.#pendingLines.set(row.requestId, row);
    }
    for (const [requestId, row] of [...this.#pendingLines]) {
      const watched = this.#streamed.get(requestId);
      if (watched !== undefined && this.#mayStillWrite(watched, row)) continue;
      const missed = watched ?? this.#takeWaiting(requestId);
      if (missed !== undefined) {
        // A request that was never sent has no output.
        const { taken: sequence } = missed;
        const wasSent = row.sentAt !== undefined;
        if (wasSent) yield this.#outputLine(missed, { sequence, incomplete: true });
      }
      if (watched !== undefined) this.#unsubscribe(watched);
      this.#pendingLines.delete(requestId);
      yield `${JSON.stringify({ ...outcomeLine(job, row), cursor: this.#safeCursor })}\n`;
    }
    if (this.#feed.isOver && this.#pendingLines.size === 0) this.close();
  }

  /** Returns a request that ended before it could be subscribed; it is not subscribed any more. */
  #takeWaiting(requestId: string): (RequestRef & { taken: number }) | undefined {
    const request = this.#waiting.get(requestId);
    if (request === undefined) return undefined;
    this.#waiting.delete(requestId);
    return { ...request, taken: this.#options.received[requestId] ?? 0 };
  }

  #mayStillWrite({ pieces, drain }: StreamedRequest, outcome: StoredOutcome): boolean {
    if (outcome.sentAt === undefined || drain.isTooMuch) return false;
    return pieces.length > 0 || !drain.isTooSlow(this.#now());
  }

  /** A reader that resumes from this cursor misses no outcome, but may get one twice. */
  get #safeCursor(): number {
    const held = [...this.#pendingLines.values()].map(({ sequence }) => sequence - 1);
    return Math.min(this.#feed.cursor, ...held);
  }

  #unsubscribe({ requestId, subscriptionId }: StreamedRequest): void {
    this.#streamed.delete(requestId);
    this.#options.engine.unsubscribeOutput(subscriptionId);
  }
}

const pageRows = 500;

/** The requests whose outcomes the reader has already received, with all their output. */
function deliveredRequests({ engine, job, after }: OutputStreamOptions): Set<string> {
  const delivered = new Set<string>();
  for (let cursor = 0; cursor < after; ) {
    const rows = engine.journal.outcomes(job.jobId, cursor, pageRows);
    for (const { requestId, sequence } of rows) if (sequence <= after) delivered.add(requestId);
    const last = rows.at(-1)?.sequence;
    if (last === undefined || rows.length < pageRows) break;
    cursor = last;
  }
  return delivered;
}
