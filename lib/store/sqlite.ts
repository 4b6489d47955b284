/**
 * SQLite in one file, through `node:sqlite` on every runtime. The content can be made again: a
 * commit need not be on disk when it returns, and after a crash of the machine the newest commits
 * can be missing. The wrapper avoids pitfalls of the driver: a missing parameter binds NULL, a
 * second statement in a text is ignored, and a busy file fails immediately.
 */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { WsctlError } from "../protocol/errors.ts";
import { damagedError, isDamage, markDamaged, openError } from "./databaseFile.ts";

export type Value = string | number | null | Uint8Array;

export interface DatabaseOptions {
  /** The path of the file. Its directory is created if missing, readable only by its owner. */
  path: string;
  /** What the file contains, for error messages, such as `the control plane's journal`. */
  what: string;
  /**
   * Identifies files of wsctl (`PRAGMA application_id`), so that files of other programs are never
   * written.
   */
  applicationId: number;
  /** Each migrates the schema by one version. The list is append-only. */
  migrations: readonly string[];
  /** The version of the schema; by default the number of migrations. */
  schemaVersion?: number;
  /** Another connection of this process reads the file: see `openReadOnly`. */
  isShared?: boolean;
}

export interface Statement<Params extends readonly Value[], Row> {
  run(...params: Params): number;
  get(...params: Params): Row | undefined;
  all(...params: Params): Row[];
}

/**
 * The smallest file that SQLite creates. SQLite would treat a shorter one as empty and overwrite
 * it.
 */
const fileBytesMin = 512;

/**
 * A file up to this size is checked completely when it is opened. A check of a larger one would
 * delay the start: 6 s for 600 MB. What is damaged in it is found when it is read.
 */
const checkedBytesMax = 16 * 1024 * 1024;

export class Database {
  #db: DatabaseSync;
  #options: DatabaseOptions;
  /** Identifies the open file, to detect that another one replaced it. */
  #file: string;
  #isInTransaction = false;

  private constructor(db: DatabaseSync, options: DatabaseOptions) {
    this.#db = db;
    this.#options = options;
    this.#file = fileAt(options.path);
  }

  /**
   * Opens the file. The error says what is wrong with it and what to do.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  static open(options: DatabaseOptions): Database {
    let db: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
      // Created here first, because SQLite gives its log the mode of the existing file.
      closeSync(openSync(options.path, "a", 0o600));
      chmodSync(options.path, 0o600);
      const { size } = statSync(options.path);
      if (size > 0 && size < fileBytesMin)
        throw new Error(`malformed: only ${size} bytes are left`);
      db = new DatabaseSync(options.path, { timeout: 5_000 });
      // One process owns the file: this blocks other processes and avoids the shared-memory index.
      if (!options.isShared) db.exec("PRAGMA locking_mode=EXCLUSIVE");
      assertOwnDatabase(db, options);
      if (size <= checkedBytesMax) assertUndamaged(db);
      db.exec("PRAGMA journal_mode=WAL");
      db.exec("PRAGMA synchronous=NORMAL");
      db.exec("PRAGMA foreign_keys=ON");
      migrate(db, options);
      return new Database(db, options);
    } catch (error) {
      db?.close();
      if (error instanceof WsctlError) throw error;
      throw openError(options, error);
    }
  }

  /**
   * Opens a file for reads that another connection of this process has open.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  static openReadOnly(options: DatabaseOptions): Database {
    try {
      return new Database(new DatabaseSync(options.path, { readOnly: true }), options);
    } catch (error) {
      throw openError(options, error);
    }
  }

  /**
   * Continues with another file that `openReadOnly` can open; statements are prepared again.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  reopen(path: string): void {
    const next = Database.openReadOnly({ ...this.#options, path });
    this.#db.close();
    this.#db = next.#db;
    this.#options = next.#options;
    this.#file = next.#file;
  }

  /** @throws {WsctlError} INTERNAL */
  prepare<Params extends readonly Value[], Row = never>(sql: string): Statement<Params, Row> {
    if (/;\s*\S/.test(sql))
      throw new WsctlError("INTERNAL", `Cannot run "${sql}": it must be one statement`);
    let statement: StatementSync = this.#db.prepare(sql);
    let preparedFor = this.#db;
    /** The statement for the file that is open. */
    const current = (): StatementSync => {
      if (preparedFor === this.#db) return statement;
      statement = this.#db.prepare(sql);
      preparedFor = this.#db;
      return statement;
    };
    const wanted = sql.split("?").length - 1;
    const checked = (params: readonly Value[]): readonly Value[] => {
      if (params.length !== wanted || params.includes(undefined as never)) {
        throw new WsctlError("INTERNAL", `Cannot run "${sql}": it needs ${wanted} parameters`);
      }
      return params;
    };
    return {
      run: (...params) => {
        if (!this.#isInTransaction) this.refuseMoved();
        return this.#using(() => Number(current().run(...checked(params)).changes));
      },
      get: (...params) => this.#using(() => current().get(...checked(params)) as Row | undefined),
      all: (...params) => this.#using(() => current().all(...checked(params)) as Row[]),
    };
  }

  /** Runs one statement without parameters, such as DDL. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Runs a function that reads, and sees one state of the file, whatever is written meanwhile. */
  snapshot<T>(run: () => T): T {
    if (this.#isInTransaction) return run();
    this.#db.exec("BEGIN");
    this.#isInTransaction = true;
    try {
      return run();
    } finally {
      this.#isInTransaction = false;
      this.#rollback();
    }
  }

  /**
   * Runs a function that reads one state of the file. An error in it that has no code of its own is
   * reported as a damaged file.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  read<T>(run: () => T): T {
    try {
      return this.snapshot(run);
    } catch (error) {
      throw error instanceof WsctlError ? error : this.#damaged(error);
    }
  }

  /** Runs the function in one transaction: all of it is on disk when this returns, or none. */
  transaction(run: () => void): void {
    this.refuseMoved();
    this.#using(() => this.#db.exec("BEGIN IMMEDIATE"));
    this.#isInTransaction = true;
    try {
      run();
      this.#using(() => this.#db.exec("COMMIT"));
    } catch (error) {
      this.#rollback();
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  /**
   * Checks that the file was not moved or deleted, because writes to a deleted file are lost.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  refuseMoved(): void {
    const { path, what } = this.#options;
    if (fileAt(path) === this.#file) return;
    const text = `Cannot write ${what} "${path}": the file was removed, moved or replaced`;
    const fix = "Move it back, or restart to use the current file";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }

  close(): void {
    this.#db.close();
  }

  /** @throws {WsctlError} STORAGE_UNAVAILABLE if SQLite finds the file damaged */
  #using<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw isDamage(error) ? this.#damaged(error) : error;
    }
  }

  #damaged(error: unknown): WsctlError {
    markDamaged(this.#options.path);
    return damagedError("use", this.#options, error);
  }

  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // A full disk rolls back automatically, so there may be no transaction left.
    }
  }
}

function fileAt(path: string): string {
  const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? { dev: 0, ino: 0 };
  return `${dev}:${ino}`;
}

function readPragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Checks structure, indexes and constraints; the content of texts cannot be checked. */
function assertUndamaged(db: DatabaseSync): void {
  const [found] = Object.values(db.prepare("PRAGMA integrity_check(1)").get() ?? {});
  if (found !== "ok") throw new Error(`malformed: ${found}`);
}

/** Runs before anything is written, so that a file of another program stays unchanged. */
function assertOwnDatabase(db: DatabaseSync, options: DatabaseOptions): void {
  const version = readPragma(db, "user_version");
  const owner = readPragma(db, "application_id");
  const isNew = version === 0 && owner === 0 && readPragma(db, "schema_version") === 0;
  if (!isNew && owner !== options.applicationId) {
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `Cannot use ${options.what} "${options.path}": the file belongs to another program. Specify another data directory`,
    );
  }
  if (options.schemaVersion !== undefined) {
    if (isNew || version === options.schemaVersion) return;
    const text = `Cannot use ${options.what} "${options.path}": its schema is of another version`;
    throw new WsctlError("STORAGE_UNAVAILABLE", text);
  }
  const newest = options.migrations.length;
  if (version > newest) {
    throw new WsctlError(
      "STORAGE_UNAVAILABLE",
      `Cannot use ${options.what} "${options.path}": it was written by a newer wsctl (schema ${version}; this version supports ${newest}). Run that version`,
    );
  }
}

function migrate(db: DatabaseSync, options: DatabaseOptions): void {
  const version = readPragma(db, "user_version");
  const newest = options.schemaVersion ?? options.migrations.length;
  if (version === newest) return;
  db.exec("BEGIN EXCLUSIVE");
  for (const migration of options.migrations.slice(version)) db.exec(migration);
  db.exec(`PRAGMA application_id=${options.applicationId}`);
  db.exec(`PRAGMA user_version=${newest}`);
  db.exec("COMMIT");
}
