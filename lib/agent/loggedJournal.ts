/** Commits to the agent's journal, and logs when it cannot be written and when it can again. */
import { FaultSeries } from "../log/faultSeries.ts";
import { sentenceOf } from "../protocol/errors.ts";
import type { AgentWrite } from "./core/model.ts";
import type { AgentEngineOptions } from "./engineOptions.ts";
import type { AgentJournal } from "./journal/journal.ts";

type LoggedJournalOptions = Pick<AgentEngineOptions, "journal" | "log" | "clock">;

export class LoggedJournal {
  readonly #journal: AgentJournal;
  readonly #prepare: (write: AgentWrite) => void;
  readonly #faults: FaultSeries;

  /** @param prepare Called for each write before its commit. */
  constructor({ journal, log, clock }: LoggedJournalOptions, prepare: (write: AgentWrite) => void) {
    this.#journal = journal;
    this.#prepare = prepare;
    this.#faults = new FaultSeries(log, clock, "journal writable again");
  }

  commit: AgentJournal["commit"] = (writes, done) => {
    for (const write of writes) this.#prepare(write);
    // Acknowledgements alone are not written immediately.
    const isWrite = writes.some(({ type }: AgentWrite) => type !== "markAcknowledged");
    const committed = this.#journal.commit(writes, (late) => {
      if (isWrite && !("error" in late)) this.#faults.succeeded();
      done(late);
    });
    if (isWrite && committed !== undefined) this.#faults.succeeded();
    return committed;
  };

  failed(error: unknown): void {
    this.#faults.failed(sentenceOf("write the journal", error));
  }

  /** Closes the journal. */
  close(): void {
    this.#faults.close();
    this.#journal.close();
  }
}
