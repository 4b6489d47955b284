/** Listeners that take outcomes. Each outcome is published once it is on disk. */
import type { StoredOutcome } from "../../core/model.ts";
import { WaitingRoom } from "./waitingRoom.ts";

type OnOutcome = (outcome: StoredOutcome) => void;
type OnAnyOutcome = (outcome: StoredOutcome, command: string) => void;

/**
 * In characters of JSON: a job to 30,000 agents whose outcomes arrive faster than they are sent.
 * What finds no room is read from the journal, which waits for its index.
 */
const commonCharsMax = 8 * 1024 * 1024;

export class OutcomeListeners {
  /** What waits for readers beyond the room that each has. */
  readonly commonRoom = new WaitingRoom(commonCharsMax);
  readonly #listeners = new Map<string, Set<OnOutcome>>();
  readonly #forAll: OnAnyOutcome[] = [];

  /** Calls `onOutcome` with each outcome of this job until the returned function is called. */
  add(jobId: string, onOutcome: OnOutcome): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(onOutcome));
    return () => {
      listeners.delete(onOutcome);
      const isLast = listeners.size === 0 && this.#listeners.get(jobId) === listeners;
      if (isLast) this.#listeners.delete(jobId);
    };
  }

  /** Calls `onOutcome` with each outcome and the command of its job. */
  addForAll(onOutcome: OnAnyOutcome): void {
    this.#forAll.push(onOutcome);
  }

  notify(outcome: StoredOutcome, command: string): void {
    for (const onOutcome of this.#listeners.get(outcome.jobId) ?? []) onOutcome(outcome);
    for (const onOutcome of this.#forAll) onOutcome(outcome, command);
  }
}
