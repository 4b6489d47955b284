/**
 * Reads the audit trail from a journal file that another process may have open: a copy of the file
 * is read, and copied again if it changed during the copy.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type AuditEntry,
  type AuditHead,
  type AuditLine,
  ChainCheck,
  type VerifyResult,
} from "../protocol/api/audit.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";

const attemptsMax = 5;

export interface AuditFile {
  lines: AuditLine[];
  verdict: VerifyResult;
}

/**
 * Reads the whole trail.
 *
 * @throws {WsctlError} USAGE if the file has no audit trail
 */
export function readAuditFile(path: string, anchor?: AuditHead): AuditFile {
  if (!existsSync(path)) {
    throw new WsctlError("USAGE", `Cannot read the journal "${path}": the file does not exist`);
  }
  let fault: unknown;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-trail-"));
    try {
      const copy = join(dir, "journal.db");
      copyFileSync(path, copy);
      if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
      return read(copy, anchor);
    } catch (error) {
      fault = error;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  const text = `Cannot read the audit trail in "${path}": ${errorText(fault)}`;
  throw new WsctlError("USAGE", `${text}. Specify control.db, or the directory log of an agent`);
}

function read(path: string, anchor: AuditHead | undefined): AuditFile {
  const db = new DatabaseSync(path);
  try {
    const check = new ChainCheck(anchor, startIn(db));
    const lines: AuditLine[] = [];
    for (const row of db.prepare("SELECT * FROM audit ORDER BY sequence").all()) {
      const [sequence, record, hash] = [Number(row.sequence), String(row.record), String(row.hash)];
      check.take(sequence, record, hash);
      lines.push({ record: JSON.parse(record) as AuditEntry, hash });
    }
    return { lines, verdict: check.verdict() };
  } finally {
    db.close();
  }
}

/** Journals of earlier versions never prune entries and do not have this table. */
function startIn(db: DatabaseSync): AuditHead | undefined {
  const sql = "SELECT 1 FROM sqlite_schema WHERE name = 'audit_start'";
  if (db.prepare(sql).get() === undefined) return undefined;
  const row = db.prepare("SELECT sequence, hash FROM audit_start").get();
  return row && { sequence: Number(row.sequence), hash: String(row.hash) };
}
