/**
 * The index of the log, and what writes it: on this thread (`localIndex.ts`), or on another one
 * (`threadIndex.ts`). Reads use its database directly, on this thread.
 */
import type { ChainEnd, EntryPlace } from "../../../store/log/segments.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { ControlFact } from "../entries.ts";
import type { PruneResult, RetentionPolicy } from "../history/retention.ts";

/** Facts that stand in one batch of the log. */
export interface ParsedBatch {
  facts: readonly ControlFact[];
  /** The place of the first entry. */
  place: EntryPlace;
}

/** The same as JSON texts; they are parsed unless their facts are known. */
export interface FactBatch extends Partial<ParsedBatch> {
  lines: readonly string[];
  place: EntryPlace;
}

/** Steps that complete and prune the index in the background. */
export interface IndexUpkeep {
  /** Indexes a few more rows for searches. Returns false when nothing is left. */
  indexHistory(): boolean;
  /** Merges a little more of that index. Returns false when nothing is left. */
  mergeHistory(): boolean;
  /** Removes a little of it that is not used. Returns false when nothing is left. */
  shrinkHistory(): boolean;
  /**
   * Prunes a few old jobs.
   *
   * @param after the `next` of the previous step; empty for the first one
   */
  pruneJobs(keep: RetentionPolicy, after: string): PruneResult;
}

export type LaterUpkeep = {
  [Name in keyof IndexUpkeep]: (
    ...args: Parameters<IndexUpkeep[Name]>
  ) => Promise<ReturnType<IndexUpkeep[Name]>>;
};

export const upkeepNames = [
  "indexHistory",
  "mergeHistory",
  "shrinkHistory",
  "pruneJobs",
] as const satisfies readonly (keyof IndexUpkeep)[];

export interface JournalIndex {
  /** For reads. */
  readonly db: Database;
  /** The last entry in the index, and the digest of its batch, when the index was opened. */
  readonly applied: ChainEnd;
  /**
   * Writes facts in one transaction. Those that the index has already change nothing. The next call
   * must wait for `done`.
   *
   * @param end the last entry and the digest of its batch, if nothing is missing before it
   * @param done called once, at once or later
   */
  write(
    batches: readonly FactBatch[],
    end: ChainEnd | undefined,
    done: (error?: unknown) => void,
  ): void;
  /** Calls the `done` that is pending before it returns. */
  settle(): void;
  /** These return when the step is done. @throws {WsctlError} STORAGE_UNAVAILABLE */
  readonly upkeep: IndexUpkeep;
  /** These run while this thread does other work, where the index has a thread. */
  readonly upkeepLater: LaterUpkeep;
  /** Builds another index beside this one, where the index has a thread. */
  readonly builder?: IndexBuilder;
  close(): void;
}

/** Builds the whole index of a log, which takes the place of the one that is in use. */
export interface IndexBuilder {
  /** Begins with an empty index. */
  begin(): Promise<void>;
  write(batches: readonly FactBatch[]): Promise<void>;
  /**
   * Writes the rest, and has reads and writes continue with the new index. Nothing is written to
   * the old one meanwhile, and it is removed.
   *
   * @throws an error if the old one stays in use
   */
  finish(batches: readonly FactBatch[], end: ChainEnd): void;
}

/** Opens the index in a file. Throws another error than a WsctlError if it must be rebuilt. */
export type IndexOpener = (path: string) => JournalIndex;
