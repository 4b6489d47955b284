/** The audit trail in a journal's own database: it is on disk with what it tells of, or neither. */
import {
  type AuditFacts,
  type AuditHead,
  type AuditLine,
  type AuditRecord,
  ChainCheck,
  chained,
  firstHash,
  type Verdict,
} from "../protocol/audit.ts";
import { timestamp } from "../protocol/timestamp.ts";
import type { Database } from "./sqlite.ts";

/** To be one of a journal's migrations. */
export const auditMigration = `
  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY NOT NULL,
    record TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `;

export interface AuditEntry {
  /** Milliseconds since 1970. */
  at: number;
  facts: AuditFacts;
}

interface Row {
  sequence: number;
  record: string;
  hash: string;
}

const pageRows = 1_000;

export class AuditTrail {
  readonly #db: Database;
  readonly #last;
  readonly #add;
  readonly #page;

  constructor(db: Database) {
    this.#db = db;
    this.#last = db.prepare<[], Row>("SELECT * FROM audit ORDER BY sequence DESC LIMIT 1");
    this.#add = db.prepare<[number, string, string]>("INSERT INTO audit VALUES (?, ?, ?)");
    this.#page = db.prepare<[number, number], Row>(
      "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?",
    );
  }

  get head(): AuditHead {
    const { sequence = 0, hash = firstHash } = this.#last.get() ?? {};
    return { sequence, hash };
  }

  /** Inside the transaction that the caller has begun. */
  append(all: readonly AuditEntry[]): void {
    if (all.length === 0) return;
    let { sequence, hash } = this.head;
    for (const { at, facts } of all) {
      sequence++;
      const record: AuditRecord = { sequence, at: timestamp(at), ...facts };
      const text = JSON.stringify(record);
      hash = chained(hash, text);
      this.#add.run(sequence, text, hash);
    }
  }

  /** In a transaction of its own: on disk when this returns. */
  write(facts: AuditFacts, at: number): void {
    this.#db.transaction(() => this.append([{ at, facts }]));
  }

  /** Behind a place in the trail, the oldest first. */
  list(after: number, limit: number): AuditLine[] {
    return this.#page.all(after, limit).map(({ record, hash }) => {
      return { record: JSON.parse(record) as AuditRecord, hash };
    });
  }

  /** Reads all of it, a page at a time; `breathe` is awaited between pages. */
  async verify(anchor: AuditHead | undefined, breathe: () => Promise<void>): Promise<Verdict> {
    const check = new ChainCheck(anchor);
    let after = 0;
    for (;;) {
      const rows = this.#page.all(after, pageRows);
      for (const { sequence, record, hash } of rows) check.take(sequence, record, hash);
      after = rows.at(-1)?.sequence ?? after;
      if (rows.length < pageRows) return check.verdict();
      await breathe();
    }
  }
}
