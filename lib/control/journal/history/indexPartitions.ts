/**
 * The full-text index of history in parts, by age: each has two tables of its own, for so many
 * requests in a row. What is pruned stays in its part until nothing else is left of it; then the
 * part goes, in steps of milliseconds. Deleting one by one from one table for all held the process
 * up for half a second whenever SQLite wrote its list of what was deleted anew.
 */
import type { Database } from "../../../store/sqlite.ts";

/** Of whom, and in which words; both are keyed by the `rowid` of a request and hold no text. */
export type PartitionTable = "request_agents" | "outcome_words";

/**
 * Few enough for the list of a word that all of them have to be put in order in one step, and
 * enough for a list to be quick that finds nothing in any part.
 */
export const partitionRequests = 2 ** 20;

/** What one step puts in order: some milliseconds' work. */
const mergePages = 16;

/** What one step reads of a table that is going. */
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
  /** How far a table that is going was read. */
  #read: { name: string; id: number } | undefined;
  /** Those that are not going, ascending. */
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

  /** Parts of another size, from before an update: their numbers mean other places. */
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
        `UPDATE history_index SET partition_requests = ?, requests_through = 0, outcomes_through =
        0,
           indexed_sequence = max(indexed_sequence, outcomes_through)`,
      );
      from.run(partitionRequests);
    });
  }

  /** The newest one that begins below a place. */
  below(place: number): number | undefined {
    return this.#all.findLast((part) => firstRequest(part) < place);
  }

  /** Makes it where it is missing, in a transaction of its own. */
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
   * Puts a little more of an older part in order, which takes in next to nothing any more: the
   * fewer pieces it is in, the quicker it is asked. False where all are in order.
   */
  merge(): boolean {
    const part = this.#unmerged.get()?.part;
    if (part === undefined) return false;
    // A negative figure begins to make one piece of all; the others go on with it.
    const pages = this.#merging === part ? mergePages : -mergePages;
    this.#merging = part;
    const isWorking = tables.map((table) => this.#mergeTable(tableName(table, part), pages));
    if (!isWorking.includes(true)) this.#setMerged.run(part);
    return true;
  }

  /** Whether there was anything to do: SQLite counts less than two changes where there was not. */
  #mergeTable(name: string, pages: number): boolean {
    const before = this.#changes.get()?.count ?? 0;
    this.#db.exec(`INSERT INTO ${name} (${name}, rank) VALUES ('merge', ${pages})`);
    return (this.#changes.get()?.count ?? 0) - before >= 2;
  }

  /**
   * Removes a little of a part of which no request is left; false where there is none. The newest
   * part stays.
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

  /** Nothing is looked for in it from now on. */
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
   * Reads some of the pages of a table, of which only those that hold its words are many: dropping
   * it reads them all, which takes a disk long that has not been asked for them for days. False at
   * the end.
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

/** The part that a place (`rowid`) is in. */
export const toPartition = (place: number) => Math.floor(place / partitionRequests);

/** The first place of a part. */
export const firstRequest = (part: number) => part * partitionRequests;

export const tableName = (table: PartitionTable, part: number) => `${table}_${part}`;
