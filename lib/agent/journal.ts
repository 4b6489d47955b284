/**
 * The agent's journal in one SQLite file: every request that was taken on, with its answer, for as
 * long as it may be asked again.
 */
import { randomUUID } from "node:crypto";
import { Database } from "../store/sqlite.ts";
import type { AgentWrite, JournalRecord } from "./records.ts";

export interface AgentJournal {
  /** Made with the file: tells a control plane whether this journal knows what it sent before. */
  journalId: string;
  /** Makes all writes durable, or throws and makes none. */
  commit(writes: AgentWrite[]): void;
  find(requestId: string): JournalRecord | undefined;
  /** What has not been answered for good, in the order of arrival. */
  unsettled(): JournalRecord[];
  close(): void;
}

interface Row {
  record: string;
}

const applicationId = 0x77736161;

const migrations = [
  `
  CREATE TABLE journal (journal_id TEXT NOT NULL) STRICT;

  CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    keep_until REAL NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX requests_unsettled ON requests (sequence) WHERE settled = 0;
  CREATE INDEX requests_to_forget ON requests (keep_until) WHERE settled = 1;
  `,
];

/** Opens the journal, or throws `STORAGE_UNAVAILABLE` with what is wrong with the file. */
export function openAgentJournal(path: string): AgentJournal {
  const what = "the agent's journal";
  const db = Database.open({ path, what, applicationId, migrations });
  const put = db.prepare<[string, number, string]>(
    `INSERT INTO requests (request_id, settled, keep_until, record) VALUES (?, 0, ?, ?)
       ON CONFLICT (request_id) DO UPDATE SET record = excluded.record`,
  );
  const settle = db.prepare<[string]>("UPDATE requests SET settled = 1 WHERE request_id = ?");
  const prune = db.prepare<[number]>("DELETE FROM requests WHERE settled = 1 AND keep_until < ?");
  const find = db.prepare<[string], Row>("SELECT record FROM requests WHERE request_id = ?");
  const unsettled = db.prepare<[], Row>(
    "SELECT record FROM requests WHERE settled = 0 ORDER BY sequence",
  );

  const carryOut = (write: AgentWrite) => {
    if (write.type === "settled") settle.run(write.requestId);
    else if (write.type === "prune") prune.run(write.before);
    else put.run(write.record.requestId, write.record.keepUntil, JSON.stringify(write.record));
  };
  return {
    journalId: journalIdOf(db),
    commit: (writes) => db.transaction(() => writes.forEach(carryOut)),
    find: (requestId) => {
      const row = find.get(requestId);
      return row === undefined ? undefined : (JSON.parse(row.record) as JournalRecord);
    },
    unsettled: () => unsettled.all().map((row) => JSON.parse(row.record) as JournalRecord),
    close: () => db.close(),
  };
}

function journalIdOf(db: Database): string {
  const select = db.prepare<[], { journal_id: string }>("SELECT journal_id FROM journal");
  const known = select.get();
  if (known !== undefined) return known.journal_id;
  const journalId = randomUUID();
  const insert = db.prepare<[string]>("INSERT INTO journal (journal_id) VALUES (?)");
  db.transaction(() => void insert.run(journalId));
  return journalId;
}
