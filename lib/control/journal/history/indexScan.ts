/**
 * Selects the index for a query of jobs by its most selective filter and walks it from the newest
 * job to the oldest. The other filters are checked row by row. Each statement names its index, so
 * that none sorts or reads the whole table.
 */
import type { Database, Statement, Value } from "../../../store/sqlite.ts";
import { afterEveryId, type PackedId, packId, unpackId } from "../index/packId.ts";
import type { JobsQuery } from "../jobQuery.ts";
import { firstRequest, type PartitionTable, type PartList, tableName } from "./indexPartitions.ts";
import { type Condition, columnsOf, ofJob, ofRequest, wanted } from "./jobConditions.ts";
import { buildMatch } from "./searchTerms.ts";

/** A job, or one of its requests, that may match. */
export interface IndexHit {
  job_id: string;
  created_at: number;
  is_wanted: number;
}

/** Iterates over candidates; those of one job are adjacent. */
export interface IndexScan {
  /** Returns the next candidates. Fewer than `limit` means that this window has no more. */
  next(limit: number): IndexHit[];
  /**
   * Continues in an older window; undefined if there is none, otherwise the job at its boundary.
   */
  nextWindow(): string | undefined;
}

/**
 * The number of requests that are searched at once: with several words, an intersection may be
 * empty and slow.
 */
const windowRequests = 65_536;
const everything = Number.MAX_SAFE_INTEGER;

/** The table and the words that a request must contain. */
interface SearchTable {
  table: PartitionTable;
  words: readonly string[];
}

export interface ScanInput {
  db: Database;
  parts: PartList;
  /** Prepared statements by their text, because preparing takes longer than running them. */
  statements: Map<string, Statement<Value[], RequestHit>>;
}

const statementsMax = 200;

/** @param query Its `before` is the id of a job; the result contains only older jobs. */
export function scanIndex(place: ScanInput, query: JobsQuery, words: readonly string[]): IndexScan {
  if (words.length > 0) {
    return new RequestScan(place, query, { table: "outcome_words", words });
  }
  if (query.agentId !== undefined) {
    const agent = Buffer.from(query.agentId).toString("hex").toUpperCase();
    const index: SearchTable =
      query.status === undefined || query.status === "open"
        ? { table: "request_agents", words: [agent] }
        : { table: "outcome_words", words: [`x${agent}${query.status}`] };
    return new RequestScan(place, query, index);
  }
  return new JobScan(place.db, query);
}

/** What a statement returns. */
type Packed<Hit> = Omit<Hit, "job_id"> & { job_id: PackedId };

const unpacked = (hit: Packed<IndexHit>): IndexHit => ({ ...hit, job_id: unpackId(hit.job_id) });

/** Scans jobs by an index that ends in their ids. */
class JobScan implements IndexScan {
  readonly #statement: Statement<Value[], Packed<IndexHit>>;
  readonly #values: (before: PackedId, limit: number) => Value[];
  #before: PackedId;

  constructor(db: Database, query: JobsQuery) {
    const { status } = query;
    const rest = ofJob(query);
    const all = [...rest];
    let from = "jobs AS j";
    let where: Condition = { sql: "", values: [] };
    if (status === "open") from = "jobs AS j INDEXED BY jobs_open";
    else if (status !== undefined) {
      from = "job_outcomes AS o CROSS JOIN jobs AS j ON j.job_id = o.job_id";
      where = { sql: "o.outcome = ? AND ", values: [status] };
    } else {
      const chosen = columnsOf(query).find(({ value }) => value !== undefined);
      from = `jobs AS j INDEXED BY ${chosen?.index ?? "sqlite_autoindex_jobs_1"}`;
      if (chosen?.value !== undefined) {
        where = { sql: `j.${chosen.column} = ? AND `, values: [chosen.value] };
      }
    }
    const open = status === "open" ? "j.ended < j.total AND " : "";
    const key = status === undefined || status === "open" ? "j.job_id" : "o.job_id";
    this.#statement = db.prepare<Value[], Packed<IndexHit>>(
      `SELECT j.job_id, j.created_at, ${wanted(all)} AS is_wanted FROM ${from}
         WHERE ${where.sql}${open}${key} < ? ORDER BY ${key} DESC LIMIT ?`,
    );
    const judged = all.flatMap(({ values }) => values);
    this.#values = (before, limit) => [...judged, ...where.values, before, limit];
    this.#before = query.before === undefined ? afterEveryId : packId(query.before);
  }

  next(limit: number): IndexHit[] {
    const rows = this.#statement.all(...this.#values(this.#before, limit));
    this.#before = rows.at(-1)?.job_id ?? this.#before;
    return rows.map(unpacked);
  }

  nextWindow(): undefined {}
}

export interface RequestHit {
  place: number;
  /** Null if the request was pruned but is still in its partition. */
  job_id: PackedId | null;
  created_at: number | null;
  is_wanted: number | null;
}

type Found = RequestHit & Packed<IndexHit>;

/** Scans requests by a full-text index. Their `rowid` ascends with the ids of their jobs. */
class RequestScan implements IndexScan {
  readonly #db: Database;
  readonly #parts: PartList;
  readonly #index: SearchTable;
  readonly #statements;
  readonly #statementOf: (part: number) => Statement<Value[], RequestHit>;
  readonly #values: Value[];
  readonly #isWindowed: boolean;
  #below: number;
  #from = 0;

  constructor({ db, parts, statements }: ScanInput, query: JobsQuery, index: SearchTable) {
    this.#db = db;
    this.#parts = parts;
    this.#index = index;
    this.#statements = statements;
    const all = [...ofJob(query), ...ofRequest(query)];
    this.#statementOf = (part) => {
      const name = tableName(index.table, part);
      const sql = `SELECT f.rowid AS place, r.job_id, j.created_at, ${wanted(all)} AS is_wanted
           FROM ${name} AS f LEFT JOIN requests AS r ON r.rowid = f.rowid
             LEFT JOIN jobs AS j ON j.job_id = r.job_id
           WHERE f.${name} MATCH ? AND f.rowid >= ? AND f.rowid < ?
           ORDER BY f.rowid DESC LIMIT ?`;
      return this.#prepared(sql);
    };
    this.#values = [...all.flatMap(({ values }) => values), buildMatch(index.words)];
    this.#isWindowed = index.words.length > 1;
    this.#below = query.before === undefined ? everything : rowidAfter(db, query.before);
    if (this.#isWindowed) this.#openWindow();
  }

  next(limit: number): IndexHit[] {
    const found: IndexHit[] = [];
    const newest = this.#parts.below(everything);
    for (let part = this.#part(); part !== undefined; part = this.#part()) {
      if (part !== newest && !this.#mayContain(part)) {
        this.#below = Math.max(this.#from, firstRequest(part));
        continue;
      }
      const statement = this.#statementOf(part);
      while (this.#part() === part) {
        found.push(...this.#nextInPartition(part, statement, limit - found.length));
        if (found.length === limit) return found;
      }
    }
    return found;
  }

  #prepared(sql: string): Statement<Value[], RequestHit> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    const statement = this.#db.prepare<Value[], RequestHit>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Whether each word occurs at all, which is much faster than finding rows with all of them. */
  #mayContain(part: number): boolean {
    const { table, words } = this.#index;
    const name = tableName(table, part);
    const has = this.#prepared(`SELECT 1 FROM ${name} WHERE ${name} MATCH ? LIMIT 1`);
    return words.every((word) => has.all(buildMatch([word])).length > 0);
  }

  /** Returns the partition to search next. */
  #part(): number | undefined {
    return this.#below > this.#from ? this.#parts.below(this.#below) : undefined;
  }

  #nextInPartition(
    part: number,
    statement: Statement<Value[], RequestHit>,
    limit: number,
  ): IndexHit[] {
    const from = Math.max(this.#from, firstRequest(part));
    const rows = statement.all(...this.#values, from, this.#below, limit);
    const last = rows.length < limit ? undefined : rows.at(-1);
    if (last === undefined) this.#below = from;
    // Pruned requests are adjacent, so all of them are skipped at once.
    else if (last.job_id === null) this.#below = (rowidBelow(this.#db, last.place) ?? -1) + 1;
    else this.#below = last.place;
    return rows.filter((row): row is Found => row.job_id !== null).map(unpacked);
  }

  nextWindow(): string | undefined {
    const job = this.#from === 0 ? undefined : jobAt(this.#db, this.#from);
    if (job === undefined) return undefined;
    this.#below = this.#from;
    this.#openWindow();
    return job.job_id;
  }

  /** Opens a window that ends at the newest request and starts with the first request of a job. */
  #openWindow(): void {
    const newest = rowidBelow(this.#db, this.#below);
    if (newest === undefined) {
      this.#from = 0;
      return;
    }
    const from = jobAt(this.#db, newest - windowRequests)?.first ?? 0;
    this.#from = rowidBelow(this.#db, from) === undefined ? 0 : from;
  }
}

/**
 * Returns the position after the last request of the next older job, even if the job was pruned.
 */
function rowidAfter(db: Database, jobId: string): number {
  const older = db
    .prepare<[PackedId], { job_id: PackedId }>(
      "SELECT job_id FROM requests WHERE job_id < ? ORDER BY job_id DESC LIMIT 1",
    )
    .get(packId(jobId));
  if (older === undefined) return 0;
  const last = db
    .prepare<[PackedId], { place: number }>(
      "SELECT max(rowid) AS place FROM requests WHERE job_id = ?",
    )
    .get(older.job_id);
  return (last?.place ?? 0) + 1;
}

/** Returns the position of the newest request below this one. */
function rowidBelow(db: Database, place: number): number | undefined {
  const sql = "SELECT max(rowid) AS place FROM requests WHERE rowid < ?";
  return db.prepare<[number], { place: number | null }>(sql).get(place)?.place ?? undefined;
}

/**
 * Returns the job of the request at or after this position, and the position of its first request.
 */
function jobAt(db: Database, place: number): { job_id: string; first: number } | undefined {
  const at = db
    .prepare<[number], { job_id: PackedId }>(
      "SELECT job_id FROM requests WHERE rowid >= ? ORDER BY rowid LIMIT 1",
    )
    .get(place);
  if (at === undefined) return undefined;
  const first = db
    .prepare<[PackedId], { first: number }>(
      "SELECT min(rowid) AS first FROM requests WHERE job_id = ?",
    )
    .get(at.job_id);
  return { job_id: unpackId(at.job_id), first: first?.first ?? 0 };
}
