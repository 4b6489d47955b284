/**
 * The full-text index of the history, partitioned by age: each partition has two tables for a fixed
 * range of requests. Pruned requests stay in their partition until it contains nothing else; then
 * it is dropped in steps of milliseconds. Deleting rows from a single table blocked the process for
 * half a second whenever SQLite rewrote its list of deleted rows.
 */
import type { Database } from "../../../store/sqlite.ts";

/**
 * The tables for agents and for words. Both are keyed by the `rowid` of a request and store no
 * text.
 */
export type PartitionTable = "request_agents" | "outcome_words";

/**
 * Small enough that a word that occurs in all requests is sorted in one step, and large enough that
 * a query without results is fast over all partitions.
 */
export const partitionRequests = 2 ** 20;

/** The pages that one step merges; it takes some milliseconds. */
const mergePages = 16;

/** The pages that one step reads of a table that is being dropped. */
const readPages = 64;

const columns = {
  request_agents: "agent, tokenize='ascii'",
  outcome_words: "words, tokenize='unicode61'",
};
const tables = Object.keys(columns) as PartitionTable[];

interface Row {
  part: number;
}

export class IndexPartitions {
  readonly #db: Database;
  readonly #has;
  readonly #unmerged;
  readonly #setMerged;
  readonly #changes;
  readonly #add;
  readonly #startPruning;
  readonly #pruning;
  readonly #remove;
  readonly #exists;
  #merging: number | undefined;
  /** The progress of reading a table that is being dropped. */
  #read: { name: string; id: number } | undefined;
  /** The partitions that are not being dropped, ascending. */
  #all: readonly number[];

  constructor(db: Database) {
    this.#db = db;
    this.#dropUnlisted();
    this.#has = db.prepare<[number, number], { one: number }>(
      "SELECT 1 AS one FROM requests WHERE rowid >= ? AND rowid < ? LIMIT 1",
    );
    this.#unmerged = db.prepare<[], Row>(
      `SELECT part FROM index_partitions WHERE is_merged = 0 AND is_pruning = 0
         AND part < (SELECT max(part) FROM index_partitions) LIMIT 1`,
    );
    this.#setMerged = db.prepare<[number]>(
      "UPDATE index_partitions SET is_merged = 1 WHERE part = ?",
    );
    this.#changes = db.prepare<[], { count: number }>("SELECT total_changes() AS count");
    this.#add = db.prepare<[number]>("INSERT INTO index_partitions (part) VALUES (?)");
    this.#startPruning = db.prepare<[number]>(
      "UPDATE index_partitions SET is_pruning = 1 WHERE part = ?",
    );
    this.#pruning = db.prepare<[], Row>(
      "SELECT part FROM index_partitions WHERE is_pruning = 1 LIMIT 1",
    );
    this.#exists = db.prepare<[string], { one: number }>(
      "SELECT 1 AS one FROM sqlite_schema WHERE name = ?",
    );
    this.#remove = db.prepare<[number]>("DELETE FROM index_partitions WHERE part = ?");
    const sql = "SELECT part FROM index_partitions WHERE is_pruning = 0 ORDER BY part";
    const all = db.prepare<[], Row>(sql);
    this.#all = all.all().map(({ part }) => part);
  }

  /** Drops partitions of another size from an older version, whose numbers mean other ranges. */
  #dropUnlisted(): void {
    const sizes = this.#db.prepare<[], { requests: number }>(
      "SELECT partition_requests AS requests FROM history_index",
    );
    if (sizes.get()?.requests === partitionRequests) return;
    this.#db.transaction(() => {
      for (const { part } of this.#db.prepare<[], Row>("SELECT part FROM index_partitions").all()) {
        for (const table of tables) this.#db.exec(`DROP TABLE IF EXISTS ${tableName(table, part)}`);
      }
      this.#db.exec("DELETE FROM index_partitions");
      const from = this.#db.prepare<[number]>(
        `UPDATE history_index
           SET partition_requests = ?, requests_through = 0, outcomes_through = 0`,
      );
      from.run(partitionRequests);
    });
  }

  /** Creates a partition if it is missing, in its own transaction. */
  make(part: number): void {
    if (this.#all.includes(part)) return;
    this.#db.transaction(() => {
      this.#add.run(part);
      for (const [table, column] of Object.entries(columns)) {
        const name = tableName(table as PartitionTable, part);
        this.#db.exec(
          `CREATE VIRTUAL TABLE ${name} USING fts5(
             ${column}, content='', detail=none, columnsize=0)`,
        );
      }
    });
    this.#all = [...this.#all, part].sort((a, b) => a - b);
  }

  /**
   * Merges a little of an older partition, which hardly changes any more: fewer segments make
   * queries faster. Returns false if all partitions are merged.
   */
  merge(): boolean {
    const part = this.#unmerged.get()?.part;
    if (part === undefined) return false;
    // A negative number starts a full merge; positive numbers continue it (FTS5 'merge' command).
    const pages = this.#merging === part ? mergePages : -mergePages;
    this.#merging = part;
    const isWorking = tables.map((table) => this.#mergeTable(tableName(table, part), pages));
    if (!isWorking.includes(true)) this.#setMerged.run(part);
    return true;
  }

  /** Returns whether there was work: SQLite reports fewer than two changes if there was none. */
  #mergeTable(name: string, pages: number): boolean {
    const before = this.#changes.get()?.count ?? 0;
    this.#db.exec(`INSERT INTO ${name} (${name}, rank) VALUES ('merge', ${pages})`);
    return (this.#changes.get()?.count ?? 0) - before >= 2;
  }

  /**
   * Removes a little of a partition without requests. Returns false if there is none. The newest
   * partition is kept.
   */
  shrink(): boolean {
    const part = this.#pruning.get()?.part ?? this.#dropPartition();
    if (part === undefined) return false;
    for (const table of tables) {
      const name = tableName(table, part);
      if (this.#exists.get(name) === undefined) continue;
      if (!this.#readPages(name)) this.#db.transaction(() => this.#db.exec(`DROP TABLE ${name}`));
      return true;
    }
    this.#remove.run(part);
    return true;
  }

  /** Marks a partition so that queries skip it. */
  #dropPartition(): number | undefined {
    const isEmpty = (part: number) =>
      this.#has.get(firstRequest(part), firstRequest(part + 1)) === undefined;
    const empty = this.#all.slice(0, -1).find(isEmpty);
    if (empty === undefined) return undefined;
    this.#startPruning.run(empty);
    this.#all = this.#all.filter((each) => each !== empty);
    return empty;
  }

  /**
   * Reads some pages of a table before it is dropped. Dropping a table reads all its pages, which
   * takes long if the disk cache does not hold them. Returns false at the end.
   */
  #readPages(name: string): boolean {
    const { id: after } = this.#read?.name === name ? this.#read : { id: -1 };
    const pages = this.#db.prepare<[number, number], { id: number }>(
      `SELECT id, length(block) AS bytes FROM ${name}_data WHERE id > ? ORDER BY id LIMIT ?`,
    );
    const last = pages.all(after, readPages).at(-1);
    if (last !== undefined) this.#read = { name, id: last.id };
    return last !== undefined;
  }
}

/** Finds partitions for queries. */
export interface PartList {
  /** Returns the newest partition that starts below a position. */
  below(place: number): number | undefined;
}

export function listParts(db: Database): PartList {
  const newest = db.prepare<[number], { part: number | null }>(
    `SELECT max(part) AS part FROM index_partitions
       WHERE is_pruning = 0 AND part * ${partitionRequests} < ?`,
  );
  return { below: (place) => newest.get(place)?.part ?? undefined };
}

/** Returns the partition of a position (`rowid`). */
export const toPartition = (place: number) => Math.floor(place / partitionRequests);

/** Returns the first position of a partition. */
export const firstRequest = (part: number) => part * partitionRequests;

export const tableName = (table: PartitionTable, part: number) => `${table}_${part}`;
