/**
 * The outcomes of one job for one reader, in the order in which they were written. They are passed
 * on directly while the reader keeps up, and otherwise read from the journal after a cursor. A slow
 * reader takes little memory, and a broken stream can be resumed after its last line.
 */

import type { StoredJob, StoredOutcome } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import { WaitingRoom } from "../engine/outcomes/waitingRoom.ts";
import { createWakeSignal } from "./wakeSignal.ts";

const pageRows = 500;
/** The size of outcomes that wait for the reader of one job in a room of its own, as JSON. */
const waitingCharsMax = 512 * 1024;
const outcomeChars = 256;

/** What several feeds of one reader have in common. */
export interface FeedLimits {
  /** Where outcomes wait; by default each feed has its own room. */
  room?: WaitingRoom;
  /** Outcomes that are read from the journal at a time. */
  pageRows?: number;
}

export class OutcomeFeed {
  readonly #engine: Engine;
  readonly #job: StoredJob;
  readonly #wakeSignal = createWakeSignal();
  readonly #unsubscribe: () => void;
  #cursor: number;
  /** Outcomes that were not read yet; undefined if they must be read from the journal. */
  #waiting: StoredOutcome[] | undefined;
  #waitingChars = 0;
  readonly #room: WaitingRoom;
  readonly #pageRows: number;
  /** The number of outcomes that are still to come, while that is known. */
  #remaining: number;

  /** @param after The cursor of the last outcome that was received; 0 for all. */
  constructor(engine: Engine, job: StoredJob, after: number, limits: FeedLimits = {}) {
    const { commonRoom } = engine.outcomeListeners;
    this.#room = limits.room ?? new WaitingRoom(waitingCharsMax, commonRoom);
    this.#pageRows = limits.pageRows ?? pageRows;
    this.#engine = engine;
    this.#job = job;
    this.#cursor = after;
    this.#remaining = job.total;
    // A job that was just accepted has no outcomes, so the journal need not be read.
    const openCount = engine.core.dispatcher?.requests.openCountInJob(job.jobId);
    if (after === 0 && openCount === job.total) this.#waiting = [];
    this.#unsubscribe = engine.outcomeListeners.add(job.jobId, (outcome) => this.#take(outcome));
  }

  /** The cursor of the last outcome that was read. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Whether every outcome was read. */
  get isOver(): boolean {
    return this.#waiting?.length === 0 && this.#remaining === 0;
  }

  /** Returns the available outcomes; empty if there is nothing new. */
  next(): StoredOutcome[] {
    // Outcomes of two commits may arrive in reverse order, but close together.
    const rows = this.#waiting?.sort((a, b) => a.sequence - b.sequence) ?? this.#read();
    this.#cursor = rows.at(-1)?.sequence ?? this.#cursor;
    if (this.#waiting !== undefined) this.#waiting = [];
    this.#leaveRoom();
    return rows;
  }

  /** Returns true if something may be new, false after the timeout. */
  async wait(ms: number): Promise<boolean> {
    const isRung = await this.#wakeSignal.wait(ms);
    // After a long time without an event, the journal is read to be certain.
    if (!isRung && this.#waiting?.length === 0) this.#waiting = undefined;
    return isRung;
  }

  /** Ends a wait for another reason. */
  wake(): void {
    this.#wakeSignal.ring();
  }

  close(): void {
    this.#leaveRoom();
    this.#unsubscribe();
    this.#wakeSignal.ring();
  }

  #read(): StoredOutcome[] {
    const { journal } = this.#engine;
    const rows = journal.outcomes(this.#job.jobId, this.#cursor, this.#pageRows);
    if (rows.length < this.#pageRows) {
      const { ended, total } = journal.job(this.#job.jobId) ?? this.#job;
      this.#remaining = total - ended;
      this.#waiting = [];
    }
    return rows;
  }

  #take(outcome: StoredOutcome): void {
    this.#wakeSignal.ring();
    if (this.#waiting === undefined) return;
    this.#remaining--;
    // Outcomes up to the cursor were already read.
    if (outcome.sequence <= this.#cursor) return;
    const chars = countChars(outcome);
    if (!this.#room.enter(chars)) {
      this.#waiting = undefined;
      this.#leaveRoom();
      return;
    }
    this.#waitingChars += chars;
    this.#waiting.push(outcome);
  }

  #leaveRoom(): void {
    this.#room.leave(this.#waitingChars);
    this.#waitingChars = 0;
  }
}

function countChars({ message = "", result }: StoredOutcome): number {
  const resultChars = result === undefined ? 0 : JSON.stringify(result).length;
  return outcomeChars + message.length + resultChars;
}
