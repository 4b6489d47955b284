/**
 * A job's stream with live output: pieces as its programs write them, then each outcome behind the
 * last piece of its request. It is driven by its reader: what the reader does not take is not asked
 * for, so that a terminal that does not scroll makes the program wait, as far as the agent's spool
 * allows. An outcome is held back while its output goes on coming; where that does not come to its
 * end, a line says so.
 */
import type { OutputLine } from "../../protocol/api/views.ts";
import {
  followRenewMs,
  outputRestMs,
  watchedBytesMax,
  watchedPerStreamMax,
} from "../../protocol/limits.ts";
import type { OutputPiece, StoredJob, StoredOutcome } from "../core/model.ts";
import { costOf } from "../core/requests/outputSubscriptions.ts";
import type { Engine } from "../engine/engine.ts";
import type { StreamSource } from "../engine/responseStreams.ts";
import { outcomeLine } from "../views/views.ts";
import { OutcomeFeed } from "./outcomeFeed.ts";
import { OutputRest } from "./outputDrainTimeout.ts";

const chunkBytes = 128 * 1024;
const windowBytesMax = 512 * 1024;
const windowBytesMin = 8 * 1024;
const keepAliveMs = 10_000;

export interface OutputStreamOptions {
  engine: Engine;
  job: StoredJob;
  /** The cursor of the last outcome that was received; 0 for all. */
  after: number;
  /** Up to which piece each request's output was received. */
  received: Readonly<Record<string, number>>;
  /** Milliseconds of a clock that is never set. */
  now?: () => number;
}

/** One request whose output is followed. */
interface Watched {
  requestId: string;
  agentId: string;
  watcher: number;
  /** The last piece that the reader has taken. */
  taken: number;
  /** Asked for and not yet received, in bytes. */
  bytesLeft: number;
  /** Received and not yet taken. */
  pieces: OutputPiece[];
  rest: OutputRest;
}

export class OutputStream implements StreamSource {
  readonly #options: OutputStreamOptions;
  readonly #feed: OutcomeFeed;
  readonly #watched = new Map<string, Watched>();
  /** Requests that are still to be watched. */
  readonly #waiting: { requestId: string; agentId: string }[];
  /** Outcomes whose output has not come to its end. */
  readonly #held = new Map<string, StoredOutcome>();
  readonly #renewal: NodeJS.Timeout;
  readonly #windowBytes: number;
  readonly #now: () => number;
  isOver = false;

  constructor(options: OutputStreamOptions) {
    const { engine, job, after } = options;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#feed = new OutcomeFeed(engine, job, after);
    this.#waiting = engine.journal.requests(job.jobId).filter(({ agentId }) => {
      const catalogue = engine.core.fleet.agents.get(agentId)?.facts.catalogue;
      // Who announces no catalogue was never told of `follow` either; one may be forgotten by now.
      if (catalogue === undefined) return false;
      const entry = engine.catalogues.of(catalogue)?.get(job.command);
      return entry === undefined || entry.output === true;
    });
    const count = Math.min(this.#waiting.length, watchedPerStreamMax);
    const share = Math.floor(watchedBytesMax / Math.max(1, count));
    this.#windowBytes = Math.max(windowBytesMin, Math.min(windowBytesMax, share));
    this.#renewal = setInterval(() => this.#renew(), followRenewMs);
    this.#admit();
  }

  /**
   * The next lines, or an empty one when there was nothing for long; what is over says so itself.
   */
  async next(): Promise<string> {
    while (!this.isOver) {
      const lines = [...this.#outputLines(), ...this.#outcomeLines()].join("");
      if (lines !== "" || this.isOver) return lines;
      const restMs = this.#held.size > 0 ? outputRestMs / 4 : keepAliveMs;
      const isRung = await this.#feed.wait(restMs);
      if (!isRung && this.#held.size === 0) return "\n";
    }
    return "";
  }

  close(): void {
    clearInterval(this.#renewal);
    for (const watched of [...this.#watched.values()]) this.#leave(watched);
    this.isOver = true;
    this.#feed.close();
  }

  #admit(): void {
    while (this.#watched.size < watchedPerStreamMax) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      this.#watch(request);
    }
  }

  #watch({ requestId, agentId }: { requestId: string; agentId: string }): void {
    const { engine, received } = this.#options;
    const watcher = engine.newWatcher((piece) => {
      watched.pieces.push(piece);
      const cost = costOf(piece);
      watched.rest.heard(cost, this.#now());
      watched.bytesLeft -= cost;
      this.#feed.ring();
    });
    const taken = received[requestId] ?? 0;
    const rest = new OutputRest(this.#now());
    const watched: Watched = {
      ...{ requestId, agentId, watcher, taken, rest },
      bytesLeft: this.#windowBytes,
      pieces: [],
    };
    this.#watched.set(requestId, watched);
    this.#ask(watched);
  }

  #ask({ watcher, requestId, agentId, taken, pieces, bytesLeft: left }: Watched): void {
    const bytesLeft = Math.max(0, left);
    const bytes = pieces.reduce((sum, piece) => sum + costOf(piece), bytesLeft);
    const after = taken;
    this.#options.engine.follow({ watcher, requestId, agentId, after, bytes, bytesLeft });
  }

  /** The reader may have stopped reading; as long as it is there, its programs wait for it. */
  #renew(): void {
    for (const watched of this.#watched.values()) this.#ask(watched);
  }

  *#outputLines(): Generator<string> {
    let bytes = 0;
    for (const watched of [...this.#watched.values()]) {
      while (watched.pieces.length > 0 && bytes < chunkBytes) {
        const piece = watched.pieces.shift() as OutputPiece;
        const line = this.#lineOf(watched, piece);
        bytes += line.length;
        if (line !== "") yield line;
        if (piece.end) this.#leave(watched);
        else watched.taken = piece.sequence;
      }
      // Half of the window is on its way while the other half is read.
      const isDry = watched.pieces.length === 0 && watched.bytesLeft <= this.#windowBytes / 2;
      if (!isDry || !this.#watched.has(watched.requestId)) continue;
      watched.bytesLeft = this.#windowBytes;
      watched.rest.asked(this.#now());
      this.#ask(watched);
    }
    this.#admit();
  }

  #lineOf(watched: Watched, piece: OutputPiece): string {
    const { watcher: _ours, end, ...output } = piece;
    return end && output.skipped === undefined ? "" : this.#outputLine(watched, output);
  }

  #outputLine({ requestId, agentId }: Watched, output: OutputLine["output"]): string {
    const line: OutputLine = {
      job_id: this.#options.job.jobId,
      request_id: requestId,
      agent: agentId,
      output,
    };
    return `${JSON.stringify(line)}\n`;
  }

  *#outcomeLines(): Generator<string> {
    const { job } = this.#options;
    for (const row of this.#feed.next()) {
      this.#watched.get(row.requestId)?.rest.ended(this.#now());
      this.#held.set(row.requestId, row);
    }
    for (const [requestId, row] of [...this.#held]) {
      const watched = this.#watched.get(requestId);
      if (watched !== undefined && this.#mayStillWrite(watched, row)) continue;
      if (watched !== undefined) {
        // What was never sent has never written anything.
        const { taken: sequence } = watched;
        const wasSent = row.sentAt !== undefined;
        if (wasSent) yield this.#outputLine(watched, { sequence, incomplete: true });
        this.#leave(watched);
      }
      this.#held.delete(requestId);
      yield `${JSON.stringify({ ...outcomeLine(job, row), cursor: this.#safeCursor })}\n`;
    }
    if (this.#feed.isOver && this.#held.size === 0) this.close();
  }

  #mayStillWrite({ pieces, rest }: Watched, outcome: StoredOutcome): boolean {
    if (outcome.sentAt === undefined || rest.isTooMuch) return false;
    return pieces.length > 0 || !rest.isTooSlow(this.#now());
  }

  /**
   * Behind it nothing is missing: who resumes there may get an outcome twice, and never misses one.
   */
  get #safeCursor(): number {
    const held = [...this.#held.values()].map(({ sequence }) => sequence - 1);
    return Math.min(this.#feed.cursor, ...held);
  }

  #leave({ requestId, watcher }: Watched): void {
    this.#watched.delete(requestId);
    this.#options.engine.unfollow(watcher);
  }
}
