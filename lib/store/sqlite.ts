/**
 * SQLite in one file, through `node:sqlite` on every runtime, set up so that a commit is on disk
 * when it returns. The wrapper closes the driver's traps: a missing parameter would bind NULL, a
 * second statement in one text would be dropped, and a busy file would fail at once.
 */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { errorText, WsctlError } from "../protocol/errors.ts";

export type Value = string | number | null | Uint8Array;

export interface DatabaseOptions {
  /** Where the file is; its directory is made when missing, readable by its user alone. */
  path: string;
  /** What it holds, for error messages: `the control plane's journal`. */
  what: string;
  /** Marks the file as ours (`PRAGMA application_id`), so that another's is never written to. */
  applicationId: number;
  /** Each brings the schema one version up; append only. */
  migrations: readonly string[];
}

export interface Statement<Params extends readonly Value[], Row> {
  run(...params: Params): number;
  get(...params: Params): Row | undefined;
  all(...params: Params): Row[];
}

/** The smallest file that SQLite makes; a shorter one it would take for empty, and write over. */
const fileBytesMin = 512;

/**
 * Up to this size a file is checked whole when it is opened; beyond it that would take too long.
 */
const checkedBytesMax = 1024 * 1024 * 1024;

export class Database {
  readonly #db: DatabaseSync;
  readonly #options: DatabaseOptions;
  /** The file that is open, which another may lie in the place of. */
  readonly #file: string;
  #isInTransaction = false;

  private constructor(db: DatabaseSync, options: DatabaseOptions) {
    this.#db = db;
    this.#options = options;
    this.#file = fileAt(options.path);
  }

  /**
   * Opens the file, or throws `STORAGE_UNAVAILABLE` saying what is wrong with it and what to do.
   */
  static open(options: DatabaseOptions): Database {
    let db: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
      // Made by us first: SQLite gives its log the mode of the file that it finds.
      closeSync(openSync(options.path, "a", 0o600));
      chmodSync(options.path, 0o600);
      const { size } = statSync(options.path);
      if (size > 0 && size < fileBytesMin)
        throw new Error(`malformed: only ${size} bytes are left`);
      db = new DatabaseSync(options.path, { timeout: 5_000 });
      // One process owns the file: this keeps a second one out, and saves the shared-memory index.
      db.exec("PRAGMA locking_mode=EXCLUSIVE");
      assertOwnDatabase(db, options);
      if (size <= checkedBytesMax) assertUndamaged(db);
      db.exec("PRAGMA journal_mode=WAL");
      db.exec("PRAGMA synchronous=FULL");
      db.exec("PRAGMA foreign_keys=ON");
      migrate(db, options);
      return new Database(db, options);
    } catch (error) {
      db?.close();
      if (error instanceof WsctlError) throw error;
      throw new WsctlError("STORAGE_UNAVAILABLE", openError(options, error), { cause: error });
    }
  }

  prepare<Params extends readonly Value[], Row = never>(sql: string): Statement<Params, Row> {
    if (/;\s*\S/.test(sql)) throw new WsctlError("INTERNAL", `Cannot run "${sql}": one at a time`);
    const statement: StatementSync = this.#db.prepare(sql);
    const wanted = sql.split("?").length - 1;
    const checked = (params: readonly Value[]): readonly Value[] => {
      if (params.length !== wanted || params.includes(undefined as never)) {
        throw new WsctlError("INTERNAL", `Cannot run "${sql}": wants ${wanted} parameters`);
      }
      return params;
    };
    return {
      run: (...params) => {
        if (!this.#isInTransaction) this.refuseMoved();
        return Number(statement.run(...checked(params)).changes);
      },
      get: (...params) => statement.get(...checked(params)) as Row | undefined,
      all: (...params) => statement.all(...checked(params)) as Row[],
    };
  }

  /** For what makes and drops tables: one statement without parameters. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /**
   * Reads what must make sense as a whole; whatever fault that meets is a damaged file's, and is
   * said as such.
   */
  read<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      const text = openError(this.#options, new Error(`malformed: ${errorText(error)}`));
      throw new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
    }
  }

  /** Runs the function in one transaction: all of it is on disk when this returns, or none. */
  transaction(run: () => void): void {
    this.refuseMoved();
    this.#db.exec("BEGIN IMMEDIATE");
    this.#isInTransaction = true;
    try {
      run();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#rollback();
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  /**
   * Throws `STORAGE_UNAVAILABLE` where the file is no longer in its place: what is written into one
   * that was removed is gone with this process.
   */
  refuseMoved(): void {
    const { path, what } = this.#options;
    if (fileAt(path) === this.#file) return;
    const text = `Cannot write ${what} "${path}": the file was removed, moved or replaced`;
    const fix = "Move it back, or restart where it is meant to start with what is there now";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }

  close(): void {
    this.#db.close();
  }

  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // A full disk rolls back by itself; then there is no transaction left, which is what we want.
    }
  }
}

function fileAt(path: string): string {
  const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? { dev: 0, ino: 0 };
  return `${dev}:${ino}`;
}

/** How many migrations a file that nobody has open has seen. */
export function readSchemaVersion(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return readPragma(db, "user_version");
  } finally {
    db.close();
  }
}

function readPragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** The first value that a query gives of a file that nobody has open. */
export function readOne(path: string, sql: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return Object.values(db.prepare(sql).get() ?? {})[0];
  } finally {
    db.close();
  }
}

/** Structure, indexes and constraints; what is inside a text no check can judge. */
function assertUndamaged(db: DatabaseSync): void {
  const [found] = Object.values(db.prepare("PRAGMA integrity_check(1)").get() ?? {});
  if (found !== "ok") throw new Error(`malformed: ${found}`);
}

/** Before anything is written: a file of somebody else stays as it is, to the byte. */
function assertOwnDatabase(db: DatabaseSync, options: DatabaseOptions): void {
  const version = readPragma(db, "user_version");
  const owner = readPragma(db, "application_id");
  const isNew = version === 0 && owner === 0 && readPragma(db, "schema_version") === 0;
  if (!isNew && owner !== options.applicationId) {
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `Cannot use ${options.what} "${options.path}": the file belongs to another program; name another data directory`,
    );
  }
  const newest = options.migrations.length;
  if (version > newest) {
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `Cannot use ${options.what} "${options.path}": it was written by a newer wsctl (schema ${version}, this one knows ${newest}); run that version`,
    );
  }
}

function migrate(db: DatabaseSync, options: DatabaseOptions): void {
  const version = readPragma(db, "user_version");
  const newest = options.migrations.length;
  if (version === newest) return;
  db.exec("BEGIN EXCLUSIVE");
  for (const migration of options.migrations.slice(version)) db.exec(migration);
  db.exec(`PRAGMA application_id=${options.applicationId}`);
  db.exec(`PRAGMA user_version=${newest}`);
  db.exec("COMMIT");
}

function openError(options: DatabaseOptions, error: unknown): string {
  const text = errorText(error);
  const start = `Cannot open ${options.what} "${options.path}"`;
  if (/locked|busy/i.test(text)) {
    return `${start}: another process uses it; stop that one, or name another data directory`;
  }
  if (/not a database|malformed|corrupt/i.test(text)) {
    return `${start}: the file is damaged (${text}); restore it from a backup, or move it away to start empty`;
  }
  if (/full/i.test(text)) return `${start}: the disk is full; free some space`;
  return `${start}: ${text}; check that the directory exists and that this user may write there`;
}
