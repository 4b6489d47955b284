/** The audit trail in a journal's own database: it is on disk with what it tells of, or neither. */
import {
  type AuditDetails,
  type AuditEntry,
  type AuditHead,
  type AuditLine,
  appendToChain,
  ChainCheck,
  firstHash,
  pruneAction,
  type VerifyResult,
} from "../protocol/api/audit.ts";
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

/**
 * To be one of a journal's later migrations: up to where the trail was let go, with the hash that
 * the oldest record is chained to, and up to where it may be.
 */
export const auditStartMigration = `
  CREATE TABLE audit_start (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    through INTEGER NOT NULL CHECK (through >= sequence)
  ) STRICT;
  INSERT INTO audit_start VALUES (1, 0, '${firstHash}', 0);
  `;

export interface AuditTrailEntry {
  /** Milliseconds since 1970. */
  at: number;
  details: AuditDetails;
}

interface Row {
  sequence: number;
  record: string;
  hash: string;
}

interface Start extends AuditHead {
  through: number;
}

const pageRows = 1_000;
const prunedRows = 200;

export class AuditTrail {
  readonly #db: Database;
  readonly #last;
  readonly #add;
  readonly #page;
  readonly #start;
  readonly #at;
  readonly #remove;
  readonly #setStart;
  readonly #setThrough;

  constructor(db: Database) {
    this.#db = db;
    this.#last = db.prepare<[], Row>("SELECT * FROM audit ORDER BY sequence DESC LIMIT 1");
    this.#add = db.prepare<[number, string, string]>("INSERT INTO audit VALUES (?, ?, ?)");
    this.#page = db.prepare<[number, number], Row>(
      "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?",
    );
    this.#start = db.prepare<[], Start>("SELECT sequence, hash, through FROM audit_start");
    this.#at = db.prepare<[number], Row>("SELECT * FROM audit WHERE sequence = ?");
    this.#remove = db.prepare<[number]>("DELETE FROM audit WHERE sequence <= ?");
    this.#setStart = db.prepare<[number, string]>("UPDATE audit_start SET sequence = ?, hash = ?");
    this.#setThrough = db.prepare<[number]>("UPDATE audit_start SET through = ?");
  }

  /** What the oldest record is chained to; sequence 0 where none was let go. */
  get start(): AuditHead {
    const { sequence, hash } = this.#begin;
    return { sequence, hash };
  }

  get head(): AuditHead {
    const { sequence = 0, hash = firstHash } = this.#last.get() ?? {};
    return { sequence, hash };
  }

  /** Inside the transaction that the caller has begun. */
  append(all: readonly AuditTrailEntry[]): void {
    if (all.length === 0) return;
    let { sequence, hash } = this.head;
    for (const { at, details } of all) {
      sequence++;
      const record: AuditEntry = { sequence, at: timestamp(at), ...details };
      const text = JSON.stringify(record);
      hash = appendToChain(hash, text);
      this.#add.run(sequence, text, hash);
    }
  }

  /** In a transaction of its own: on disk when this returns. */
  write(facts: AuditDetails, at: number): void {
    this.#db.transaction(() => this.append([{ at, details: facts }]));
  }

  /** Behind a place in the trail, the oldest first. */
  list(after: number, limit: number): AuditLine[] {
    return this.#page.all(after, limit).map(({ record, hash }) => {
      return { record: JSON.parse(record) as AuditEntry, hash };
    });
  }

  /** Whether there is a record from before this moment. */
  isOlderThan(before: number): boolean {
    const [oldest] = this.#page.all(this.#begin.sequence, 1);
    return oldest !== undefined && parseTime(oldest) < before;
  }

  /**
   * Has the trail say that its records from before a moment go, and why; they do so by `prune`.
   * False where there are none.
   */
  pruneStep(before: number, why: string, now: number): boolean {
    const { sequence: first } = this.#begin;
    const last = this.#lastBefore(before);
    if (last === undefined || last.sequence <= first) return false;
    const { sequence: through, hash } = last;
    const resource = { last_sequence: through, hash, records: through - first, reason: why };
    this.#db.transaction(() => {
      this.append([{ at: now, details: { action: pruneAction, outcome: "accepted", resource } }]);
      this.#setThrough.run(through);
    });
    return true;
  }

  /** Removes a few of the records that the trail says have gone; false once all of them have. */
  prune(): boolean {
    const { sequence, through } = this.#begin;
    if (sequence >= through) return false;
    const last = this.#at.get(Math.min(sequence + prunedRows, through));
    if (last === undefined) throw new Error("a record of the audit trail is missing");
    this.#db.transaction(() => {
      this.#remove.run(last.sequence);
      this.#setStart.run(last.sequence, last.hash);
    });
    return true;
  }

  /** Reads all of it, a page at a time; `breathe` is awaited between pages. */
  async verify(anchor: AuditHead | undefined, breathe: () => Promise<void>): Promise<VerifyResult> {
    let { start } = this;
    let check = new ChainCheck(anchor, start);
    let after = start.sequence;
    for (;;) {
      if (this.start.sequence > after) {
        // What we are about to read was let go meanwhile.
        ({ start } = this);
        check = new ChainCheck(anchor, start);
        after = start.sequence;
      }
      const rows = this.#page.all(after, pageRows);
      for (const { sequence, record, hash } of rows) check.take(sequence, record, hash);
      after = rows.at(-1)?.sequence ?? after;
      if (rows.length < pageRows) return check.verdict();
      await breathe();
    }
  }

  get #begin(): Start {
    return this.#start.get() ?? { sequence: 0, hash: firstHash, through: 0 };
  }

  /** The newest from before a moment, found by halves: times go up with the numbers. */
  #lastBefore(before: number): Row | undefined {
    let found: Row | undefined;
    let low = this.#begin.sequence + 1;
    let high = this.head.sequence;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#at.get(middle);
      if (row !== undefined && parseTime(row) < before) {
        found = row;
        low = middle + 1;
      } else high = middle - 1;
    }
    return found;
  }
}

function parseTime({ record }: Row): number {
  return Date.parse((JSON.parse(record) as AuditEntry).at);
}
