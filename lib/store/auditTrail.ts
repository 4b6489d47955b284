/**
 * The audit trail in a journal's database. An entry is committed in the same transaction as the
 * change that it records.
 */
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

/** A migration for the journal that contains the trail. */
export const auditMigration = `
  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY NOT NULL,
    record TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `;

/**
 * A later migration: how far the trail was pruned, the hash that the oldest entry is chained to,
 * and how far it may be pruned.
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

  /**
   * The last pruned entry, to which the oldest one is chained; sequence 0 if nothing was pruned.
   */
  get start(): AuditHead {
    const { sequence, hash } = this.#begin;
    return { sequence, hash };
  }

  get head(): AuditHead {
    const { sequence = 0, hash = firstHash } = this.#last.get() ?? {};
    return { sequence, hash };
  }

  /** Appends entries inside the caller's transaction. */
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

  /** Appends an entry in its own transaction. It is on disk when this returns. */
  write(facts: AuditDetails, at: number): void {
    this.#db.transaction(() => this.append([{ at, details: facts }]));
  }

  /** Returns entries after a sequence, oldest first. */
  list(after: number, limit: number): AuditLine[] {
    return this.#page.all(after, limit).map(({ record, hash }) => {
      return { record: JSON.parse(record) as AuditEntry, hash };
    });
  }

  /** Whether there is an entry from before this time. */
  isOlderThan(before: number): boolean {
    const [oldest] = this.#page.all(this.#begin.sequence, 1);
    return oldest !== undefined && parseTime(oldest) < before;
  }

  /**
   * Records in the trail that entries from before a time will be pruned, and why; `prune` removes
   * them. Returns false if there are none.
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

  /**
   * Removes a few of the entries that are recorded as pruned. Returns false when all are removed.
   */
  prune(): boolean {
    const { sequence, through } = this.#begin;
    if (sequence >= through) return false;
    const last = this.#at.get(Math.min(sequence + prunedRows, through));
    if (last === undefined) throw new Error("an audit entry is missing");
    this.#db.transaction(() => {
      this.#remove.run(last.sequence);
      this.#setStart.run(last.sequence, last.hash);
    });
    return true;
  }

  /** Verifies the whole trail page by page; `breathe` is awaited between pages. */
  async verify(anchor: AuditHead | undefined, breathe: () => Promise<void>): Promise<VerifyResult> {
    let { start } = this;
    let check = new ChainCheck(anchor, start);
    let after = start.sequence;
    for (;;) {
      if (this.start.sequence > after) {
        // Entries were pruned in the meantime.
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

  /**
   * Returns the newest entry from before a time by binary search: times ascend with the sequence.
   */
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
