/** Writes the index of the log on this thread. */
import type { ChainEnd } from "../../../store/log/segments.ts";
import type { Database } from "../../../store/sqlite.ts";
import { HistoryIndex } from "../history/historyIndex.ts";
import { Retention } from "../history/retention.ts";
import { IndexWriter } from "../index/indexWriter.ts";
import { openIndex } from "../index/openDatabases.ts";
import type { FactBatch, IndexUpkeep, JournalIndex, LaterUpkeep } from "./journalIndex.ts";

export class LocalIndex implements JournalIndex {
  readonly db: Database;
  readonly applied: ChainEnd;
  readonly upkeep: IndexUpkeep;
  readonly upkeepLater: LaterUpkeep;
  readonly #writer: IndexWriter;

  /** @param isShared whether another connection of this process reads the file */
  constructor(path: string, isShared = false) {
    this.db = openIndex(path, isShared);
    try {
      this.#writer = new IndexWriter(this.db);
      this.applied = this.#writer.applied;
      const history = new HistoryIndex(this.db);
      const retention = new Retention(this.db, history);
      const upkeep: IndexUpkeep = {
        indexHistory: () => history.step(),
        mergeHistory: () => history.partitions.merge(),
        shrinkHistory: () => history.partitions.shrink(),
        pruneJobs: (keep, after) => retention.step(keep, after),
      };
      this.upkeep = upkeep;
      this.upkeepLater = {
        indexHistory: async () => upkeep.indexHistory(),
        mergeHistory: async () => upkeep.mergeHistory(),
        shrinkHistory: async () => upkeep.shrinkHistory(),
        pruneJobs: async (keep, after) => upkeep.pruneJobs(keep, after),
      };
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  write(
    batches: readonly FactBatch[],
    end: ChainEnd | undefined,
    done: (error?: unknown) => void,
  ): void {
    let failure: unknown;
    try {
      this.db.transaction(() => {
        this.#writer.applyAll(batches);
        if (end !== undefined) this.#writer.setApplied(end.sequence, end.digest);
      });
    } catch (error) {
      failure = error ?? new Error("unknown error");
    }
    done(failure);
  }

  settle(): void {}

  close(): void {
    this.db.close();
  }
}
