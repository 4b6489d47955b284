/** Reads and verifies the audit trail in a log, which another process may be writing. */
import type { AuditEntry, AuditHead, AuditLine, VerifyResult } from "../../protocol/api/audit.ts";
import { errorText } from "../../protocol/errors.ts";
import { type LogReport, type ReadEntry, readLog } from "./readLog.ts";

/** How the owner of a log shows its entries as an audit trail. */
export interface AuditView {
  /** Returns undefined for an entry that is not part of the audit trail. */
  toAuditEntry(sequence: number, line: string): AuditEntry | undefined;
}

export interface AuditOfLog {
  /** The `hash` of an entry is the digest of its batch. */
  lines: AuditLine[];
  verdict: VerifyResult;
}

/** @param anchor a head that was stored before and must be in the log */
export function readAudit(path: string, view: AuditView, anchor?: AuditHead): AuditOfLog {
  const lines: AuditLine[] = [];
  const check = new LogVerification(anchor);
  let sequence = 0;
  let report: LogReport;
  try {
    report = readLog(path, (entry) => {
      sequence = entry.sequence;
      check.passed(entry);
      if (entry.line.startsWith('{"type":"entries_removed"')) check.removed(JSON.parse(entry.line));
      const record = view.toAuditEntry(entry.sequence, entry.line);
      if (record !== undefined) lines.push({ record, hash: entry.digest });
    });
  } catch (error) {
    const reason = errorText(error);
    return { lines, verdict: { intact: false, sequence: sequence + 1, reason } };
  }
  return { lines, verdict: check.verdict(report) };
}

/** Checks what only a reader of a whole log can: a stored head, and that removals are recorded. */
export class LogVerification {
  readonly #anchor: AuditHead | undefined;
  #anchorDigest: string | undefined;
  /** By the sequence of the last removed entry: the digest of its batch. */
  readonly #removed = new Map<number, string>();

  constructor(anchor: AuditHead | undefined) {
    this.#anchor = anchor;
  }

  passed({ sequence, digest, isLast }: Pick<ReadEntry, "sequence" | "digest" | "isLast">): void {
    if (isLast && sequence === this.#anchor?.sequence) this.#anchorDigest = digest;
  }

  removed({ through, digest }: { through: number; digest: string }): void {
    this.#removed.set(through, digest);
  }

  verdict({ start, head }: Pick<LogReport, "start" | "head">): VerifyResult {
    const first = start.sequence + 1;
    if (start.sequence > 0 && !this.#isRecorded(start)) {
      const reason = "earlier entries are missing, and no entry records that they were removed";
      return { intact: false, sequence: first, reason };
    }
    const anchor = this.#anchor;
    if (anchor !== undefined && anchor.sequence > head.sequence) {
      const reason = `entries up to ${anchor.sequence} of the given head are missing at the end`;
      return { intact: false, sequence: head.sequence + 1, reason };
    }
    const isBefore = anchor !== undefined && anchor.sequence < start.sequence;
    const known = anchor?.sequence === start.sequence ? start.digest : this.#anchorDigest;
    if (anchor !== undefined && !isBefore && known !== anchor.hash) {
      const reason = "the log up to here does not match the given head";
      return { intact: false, sequence: anchor.sequence, reason };
    }
    return {
      intact: true,
      head: { sequence: head.sequence, hash: head.digest },
      ...(start.sequence === 0 ? {} : { start: { sequence: start.sequence, hash: start.digest } }),
      ...(isBefore ? { anchor_too_old: true } : {}),
    };
  }

  /** A removal may be recorded before the segments are gone, so later records count, too. */
  #isRecorded(start: LogReport["start"]): boolean {
    const same = this.#removed.get(start.sequence);
    if (same !== undefined) return same === start.digest;
    return [...this.#removed.keys()].some((through) => through > start.sequence);
  }
}
