/**
 * The outcomes of one job for one reader, in the order in which they were written: handed on as
 * they come while the reader keeps up, else read from the journal behind a cursor. A slow reader
 * costs little memory, and a broken stream is resumed behind its last line.
 */

import type { StoredJob, StoredOutcome } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import { createWakeSignal } from "./wakeSignal.ts";

const pageRows = 500;
/** Of outcomes that wait for the reader, as JSON at the least. */
const waitingCharsMax = 512 * 1024;
const outcomeChars = 256;

export class OutcomeFeed {
  readonly #engine: Engine;
  readonly #job: StoredJob;
  readonly #wakeSignal = createWakeSignal();
  readonly #unsubscribe: () => void;
  #cursor: number;
  /** What came and was not taken; undefined while the journal has to be asked. */
  #waiting: StoredOutcome[] | undefined;
  #waitingChars = 0;
  /** Outcomes that are not in `waiting` and will come, while that is known. */
  #isClosed: number;

  /** `after`: the cursor of the last outcome that was received; 0 for all. */
  constructor(engine: Engine, job: StoredJob, after: number) {
    this.#engine = engine;
    this.#job = job;
    this.#cursor = after;
    this.#isClosed = job.total;
    // Nothing of a job that has just been accepted is on record yet: nobody needs to look.
    const openCount = engine.core.dispatcher?.requests.openCountInJob(job.jobId);
    if (after === 0 && openCount === job.total) this.#waiting = [];
    this.#unsubscribe = engine.outcomeListeners.add(job.jobId, (outcome) => this.#take(outcome));
  }

  /** The cursor of the last outcome that was taken. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Whether every outcome was taken. */
  get isOver(): boolean {
    return this.#waiting?.length === 0 && this.#isClosed === 0;
  }

  /** What there is; empty where nothing new has come. */
  next(): StoredOutcome[] {
    // Those of two commits may be told the later one first, though never far apart.
    const rows = this.#waiting?.sort((a, b) => a.sequence - b.sequence) ?? this.#read();
    this.#cursor = rows.at(-1)?.sequence ?? this.#cursor;
    if (this.#waiting !== undefined) this.#waiting = [];
    this.#waitingChars = 0;
    return rows;
  }

  /** True when something may be new, false when the time passed. */
  async wait(ms: number): Promise<boolean> {
    const isRung = await this.#wakeSignal.wait(ms);
    // Nothing for long: the journal has the last word, whatever was told or was not.
    if (!isRung && this.#waiting?.length === 0) this.#waiting = undefined;
    return isRung;
  }

  /** Ends a wait: something else is new. */
  wake(): void {
    this.#wakeSignal.ring();
  }

  close(): void {
    this.#unsubscribe();
    this.#wakeSignal.ring();
  }

  #read(): StoredOutcome[] {
    const { journal } = this.#engine;
    const rows = journal.outcomes(this.#job.jobId, this.#cursor, pageRows);
    if (rows.length < pageRows) {
      const { ended, total } = journal.job(this.#job.jobId) ?? this.#job;
      this.#isClosed = total - ended;
      this.#waiting = [];
    }
    return rows;
  }

  #take(outcome: StoredOutcome): void {
    this.#wakeSignal.ring();
    if (this.#waiting === undefined) return;
    this.#isClosed--;
    // Behind a cursor that is not of this job nothing of it may come.
    if (outcome.sequence <= this.#cursor) return;
    this.#waitingChars += countChars(outcome);
    if (this.#waitingChars > waitingCharsMax) {
      this.#waiting = undefined;
      return;
    }
    this.#waiting.push(outcome);
  }
}

function countChars({ message = "", result }: StoredOutcome): number {
  const resultChars = result === undefined ? 0 : JSON.stringify(result).length;
  return outcomeChars + message.length + resultChars;
}
