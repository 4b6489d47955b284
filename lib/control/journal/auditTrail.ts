/** The audit trail, read from the log: by page, and verified as a whole. */
import type {
  AuditDetails,
  AuditEntry,
  AuditHead,
  AuditLine,
  AuditPage,
  VerifyResult,
} from "../../protocol/api/audit.ts";
import { type AuditFilter, matchesAudit } from "../../protocol/api/auditFilter.ts";
import { errorText } from "../../protocol/errors.ts";
import { toHex } from "../../store/log/format.ts";
import { LogVerification } from "../../store/log/logAudit.ts";
import type { EntryPlace, LogEntry } from "../../store/log/segments.ts";
import type { Database } from "../../store/sqlite.ts";
import { toAuditEntry } from "./auditEntries.ts";
import { parseEntry } from "./entries.ts";
import type { Recorder } from "./recorder.ts";

/** Entries that are verified before other work runs. */
const verifyEntries = 2_000;
/** Entries that are read before other work runs, and how often that happens for one page. */
const partEntries = 1_000;
const partsMax = 50;
const batchesPerPart = 500;

export interface AuditQuery {
  limit: number;
  filter: AuditFilter;
}

export class AuditTrail {
  readonly #recorder: Recorder;
  readonly #before;

  constructor(recorder: Recorder, db: Database) {
    this.#recorder = recorder;
    this.#before = db.prepare<[number, number], EntryPlace>(
      `SELECT segment, offset, first AS sequence FROM log_batches
         WHERE first <= ? ORDER BY first DESC LIMIT ?`,
    );
  }

  /** The last entry of the log, and the digest of its batch. */
  get head(): AuditHead {
    const { log } = this.#recorder;
    return { sequence: log.sequence, hash: log.sequence === 0 ? firstHash : toHex(log.digest) };
  }

  /** Records an action. It is on disk when this returns. */
  write(details: AuditDetails): void {
    this.#recorder.record({ type: "action_recorded", details });
  }

  /** Returns entries after a sequence, oldest first. */
  list(after: number, limit: number): AuditLine[] {
    return this.#read(after, limit, () => true, Number.POSITIVE_INFINITY).items;
  }

  /**
   * Returns the entries after a sequence that match, oldest first. A page ends after many entries,
   * whether they match or not.
   *
   * @param breathe is awaited after every few entries
   */
  async page(
    { after, limit, filter }: AuditQuery & { after: number },
    breathe: () => Promise<void>,
  ): Promise<Omit<AuditPage, "head">> {
    const items: AuditLine[] = [];
    // What is recorded meanwhile belongs to the next page.
    const { sequence: last } = this.head;
    const end = this.#endFor(filter.until) ?? last;
    let through = Math.max(after, this.lastBefore(filter.since));
    for (let parts = 0; parts < partsMax && through < end && items.length < limit; parts++) {
      const isWanted = (entry: AuditEntry) => matchesAudit(entry, filter);
      const part = this.#read(through, limit - items.length, isWanted, partEntries);
      items.push(...part.items);
      through = Math.max(through, part.through);
      await breathe();
    }
    // The rest of the log is younger than what is wanted.
    return { items, through: through >= end ? Math.max(last, through) : through };
  }

  /** Returns the newest entries that match, oldest first, among the newest ones of the log. */
  async newest(
    { limit, filter }: AuditQuery,
    breathe: () => Promise<void>,
  ): Promise<Omit<AuditPage, "head">> {
    this.#recorder.feed.tryApply();
    const { sequence: through } = this.head;
    let items: AuditLine[] = [];
    let end = through;
    for (let parts = 0; parts < partsMax && end > 0 && items.length < limit; parts++) {
      const rows = this.#before.all(end, batchesPerPart);
      const first = rows.at(-1)?.sequence ?? 1;
      const isWanted = (entry: AuditEntry) => entry.sequence <= end && matchesAudit(entry, filter);
      const part = this.#read(first - 1, Number.POSITIVE_INFINITY, isWanted, end - first + 1);
      items = [...part.items, ...items];
      end = first - 1;
      await breathe();
    }
    return { items: items.slice(-limit), through };
  }

  #read(
    after: number,
    limit: number,
    isWanted: (entry: AuditEntry) => boolean,
    entriesMax: number,
  ): Omit<AuditPage, "head"> {
    const items: AuditLine[] = [];
    let through = after;
    let count = 0;
    this.scan(after, ({ sequence, line, digest }) => {
      const record = toAuditEntry(sequence, parseEntry(line));
      if (record !== undefined && isWanted(record)) items.push({ record, hash: toHex(digest) });
      through = sequence;
      count++;
      return items.length < limit && count < entriesMax;
    });
    return { items, through };
  }

  /**
   * Reads the entries after a sequence until `onEntry` returns false, and nothing before the batch
   * with that entry, if the index knows where it is.
   */
  scan(after: number, onEntry: (entry: LogEntry) => boolean): void {
    this.#recorder.log.scan(after, onEntry, this.#before.get(after, 1));
  }

  /** Returns an entry before a time, at the end of a segment: what is before it is older. */
  lastBefore(since: string | undefined): number {
    const { segments } = this.#recorder.log;
    if (since === undefined) return 0;
    const time = Date.parse(since);
    const first = segments.findLast(({ createdAt }) => createdAt < time)?.first ?? 1;
    return first - 1;
  }

  /** Segments that begin after a time are not read. */
  #endFor(until: string | undefined): number | undefined {
    if (until === undefined) return undefined;
    const time = Date.parse(until);
    const later = this.#recorder.log.segments.find(({ createdAt }) => createdAt >= time);
    return later === undefined ? undefined : later.first - 1;
  }

  /**
   * Verifies the whole log.
   *
   * @param anchor a head that was stored before and must be in the log
   * @param breathe is awaited after every few entries
   */
  async verify(anchor: AuditHead | undefined, breathe: () => Promise<void>): Promise<VerifyResult> {
    const { log } = this.#recorder;
    const [oldest] = log.segments;
    const start = { sequence: (oldest?.first ?? 1) - 1, digest: toHex(oldest?.previous ?? zeros) };
    const check = new LogVerification(anchor);
    const head = { sequence: log.sequence, digest: toHex(log.digest) };
    let after = start.sequence;
    while (after < head.sequence) {
      try {
        after = this.#verifyPart(check, after);
      } catch (error) {
        return { intact: false, sequence: after + 1, reason: errorText(error) };
      }
      await breathe();
    }
    return check.verdict({ start, head });
  }

  /** Verifies whole batches, and returns the last sequence. */
  #verifyPart(check: LogVerification, after: number): number {
    let last = after;
    this.scan(after, (entry) => {
      const digest = toHex(entry.digest);
      check.passed({ sequence: entry.sequence, digest, isLast: entry.isLast });
      const parsed = parseEntry(entry.line);
      if (parsed.type === "entries_removed") check.removed(parsed);
      last = entry.sequence;
      return !(entry.isLast && last - after >= verifyEntries);
    });
    return last;
  }
}

const zeros = new Uint8Array(32);
const firstHash = "0".repeat(64);
