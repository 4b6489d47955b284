/**
 * The full-text index of history in parts, by age: each has two tables of its own, for so many
 * requests in a row. What is pruned stays in its part until nothing else is left of it; then the
 * part goes as a whole, within milliseconds. Deleting one by one from one table for all held the
 * process up for half a second whenever SQLite wrote its list of what was deleted anew.
 */
import type { Database } from "../../store/sqlite.ts";

/** Of whom, and in which words; both are keyed by the `rowid` of a request and hold no text. */
export type PartTable = "request_agents" | "outcome_words";

/**
 * Few enough for a part to go at once, and enough for a list to be quick that finds nothing in any
 * of them.
 */
export const partRequests = 2 ** 20;

const columns = {
  request_agents: "agent, tokenize='ascii'",
  outcome_words: "words, tokenize='unicode61'",
};

export class Parts {
  readonly #db: Database;
  readonly #has;
  readonly #add;
  readonly #remove;
  /** Ascending. */
  #all: readonly number[];

  constructor(db: Database) {
    this.#db = db;
    this.#has = db.prepare<[number, number], { one: number }>(
      "SELECT 1 AS one FROM requests WHERE rowid >= ? AND rowid < ? LIMIT 1",
    );
    this.#add = db.prepare<[number]>("INSERT INTO history_parts (part) VALUES (?)");
    this.#remove = db.prepare<[number]>("DELETE FROM history_parts WHERE part = ?");
    const all = db.prepare<[], { part: number }>("SELECT part FROM history_parts ORDER BY part");
    this.#all = all.all().map(({ part }) => part);
  }

  /** The newest one that begins below a place. */
  below(place: number): number | undefined {
    return this.#all.findLast((part) => firstOf(part) < place);
  }

  /** Makes it where it is missing, in a transaction of its own. */
  make(part: number): void {
    if (this.#all.includes(part)) return;
    this.#db.transaction(() => {
      this.#add.run(part);
      for (const [table, column] of Object.entries(columns)) {
        const name = tableOf(table as PartTable, part);
        this.#db.exec(
          `CREATE VIRTUAL TABLE ${name} USING fts5(${column}, content='', detail=none)`,
        );
      }
    });
    this.#all = [...this.#all, part].sort((a, b) => a - b);
  }

  /** Drops one of which no request is left; false where there is none. The newest one stays. */
  dropOne(): boolean {
    const isEmpty = (part: number) => this.#has.get(firstOf(part), firstOf(part + 1)) === undefined;
    const part = this.#all.slice(0, -1).find(isEmpty);
    if (part === undefined) return false;
    this.#db.transaction(() => {
      this.#remove.run(part);
      for (const table of Object.keys(columns)) {
        this.#db.exec(`DROP TABLE ${tableOf(table as PartTable, part)}`);
      }
    });
    this.#all = this.#all.filter((each) => each !== part);
    return true;
  }
}

/** The part that a place (`rowid`) is in. */
export const partOf = (place: number) => Math.floor(place / partRequests);

/** The first place of a part. */
export const firstOf = (part: number) => part * partRequests;

export const tableOf = (table: PartTable, part: number) => `${table}_${part}`;
