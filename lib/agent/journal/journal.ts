/**
 * The agent's journal in one SQLite file. It keeps every accepted request, with its response, for
 * as long as the request may be repeated.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import * as v from "valibot";
import { failpoint } from "../../failpoints.ts";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { AuditTrail, auditMigration, auditStartMigration } from "../../store/auditTrail.ts";
import { Database, readSchemaVersion } from "../../store/sqlite.ts";
import type { AgentWrite, Identity, RequestRecord } from "../core/model.ts";
import { buildAuditEntry } from "./auditEntries.ts";

export interface AgentJournal {
  /**
   * The stored identity, by which a control plane knows whether this journal has its earlier
   * requests.
   */
  readonly identity: Identity;
  /** Makes all writes durable, or throws and makes none. */
  commit(writes: AgentWrite[]): void;
  find(requestId: string): RequestRecord | undefined;
  /** Returns the requests without an acknowledgement, in order of arrival. */
  unacknowledged(): RequestRecord[];
  readonly audit: AuditTrail;
  close(): void;
}

interface Row {
  record: string;
}

const applicationId = 0x77736161;

const migrations = [
  `
  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    journal_id TEXT NOT NULL,
    epoch INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    acknowledged INTEGER NOT NULL CHECK (acknowledged IN (0, 1)),
    keep_until REAL NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX requests_unacknowledged ON requests (sequence) WHERE acknowledged = 0;
  CREATE INDEX requests_to_forget ON requests (keep_until) WHERE acknowledged = 1;
  `,
  auditMigration,
  auditStartMigration,
];

/**
 * Opens the journal.
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the file.
 */
export function openAgentJournal(path: string): AgentJournal {
  const what = "the agent's journal";
  const db = Database.open({ path, what, applicationId, migrations });
  return db.read(() => journalOn(db));
}

/** The path of the copy that is made before a newer version migrates the journal. */
function backupPath(path: string): string {
  return `${path}.before-update`;
}

/** Copies a closed journal; the copy is on disk when this returns. */
export function backUpJournal(path: string): void {
  const copy = backupPath(path);
  copyFileSync(path, copy);
  const fd = openSync(copy, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Deletes the copy after the newer version is installed. */
export function deleteJournalBackup(path: string): void {
  rmSync(backupPath(path), { force: true });
}

/**
 * Restores the copy if this version cannot read the journal, after a trial that failed or was
 * interrupted. Without a copy it does nothing.
 */
export function restoreJournalBackup(path: string): void {
  const copy = backupPath(path);
  if (!existsSync(copy)) return;
  // If the journal is missing, an interrupted call of this function has deleted it.
  if (existsSync(path) && readSchemaVersion(path) <= migrations.length) return rmSync(copy);
  for (const name of [path, `${path}-wal`, `${path}-shm`]) rmSync(name, { force: true });
  renameSync(copy, path);
}

function journalOn(db: Database): AgentJournal {
  const put = db.prepare<[string, number, string]>(
    `INSERT INTO requests (request_id, acknowledged, keep_until, record) VALUES (?, 0, ?, ?)
       ON CONFLICT (request_id) DO UPDATE SET record = excluded.record`,
  );
  const settle = db.prepare<[string]>("UPDATE requests SET acknowledged = 1 WHERE request_id = ?");
  const prune = db.prepare<[number]>(
    "DELETE FROM requests WHERE acknowledged = 1 AND keep_until < ?",
  );
  const find = db.prepare<[string], Row>("SELECT record FROM requests WHERE request_id = ?");
  const unacknowledged = db.prepare<[], Row>(
    "SELECT record FROM requests WHERE acknowledged = 0 ORDER BY sequence",
  );

  const identify = db.prepare<[string, number]>(
    `INSERT INTO identity (id, journal_id, epoch) VALUES (1, ?, ?)
       ON CONFLICT DO UPDATE SET journal_id = excluded.journal_id, epoch = excluded.epoch`,
  );

  const audit = new AuditTrail(db);
  const execute = (write: AgentWrite) => {
    if (write.type === "putIdentity") identify.run(write.identity.journalId, write.identity.epoch);
    else if (write.type === "markAcknowledged") settle.run(write.requestId);
    else if (write.type === "pruneRequests") prune.run(write.before);
    else put.run(write.record.requestId, write.record.keepUntil, JSON.stringify(write.record));
  };
  return {
    get identity() {
      return db.read(() => readIdentity(db));
    },
    commit: (writes) => {
      failpoint("agent_before_commit");
      db.transaction(() => {
        writes.forEach(execute);
        // The core uses the steady clock; audit entries use the wall clock.
        const at = Date.now();
        const entries = writes.flatMap((write) => buildAuditEntry(write) ?? []);
        audit.append(entries.map((entry) => ({ ...entry, at })));
      });
      failpoint("agent_after_commit");
    },
    find: (requestId) => {
      const row = find.get(requestId);
      return row === undefined ? undefined : db.read(() => parseRecord(row));
    },
    unacknowledged: () => db.read(() => unacknowledged.all().map(parseRecord)),
    audit,
    close: () => db.close(),
  };
}

/** SQLite does not detect a changed bit inside a text, so the record is validated. */
const StoredRecord = v.object({
  requestId: v.string(),
  command: v.string(),
  parameters: v.custom<JsonObject>(isJsonObject),
  state: v.picklist(["accepted", "started", "restarting", "ended", "acknowledged"]),
  timeoutMs: v.number(),
  keepUntil: v.number(),
  since: v.number(),
});

function parseRecord(row: Row): RequestRecord {
  const record = JSON.parse(row.record) as RequestRecord;
  if (!v.is(StoredRecord, record)) throw new Error("the record of a request is damaged");
  return record;
}

/** A new journal has no identity until the first control plane of `wsctl.v1` assigns one. */
function readIdentity(db: Database): Identity {
  const sql = "SELECT journal_id, epoch FROM identity";
  const row = db.prepare<[], { journal_id: string; epoch: number }>(sql).get();
  return row === undefined
    ? { journalId: "new", epoch: 0 }
    : { journalId: row.journal_id, epoch: row.epoch };
}
