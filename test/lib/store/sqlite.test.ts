import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WsctlError } from "../../../lib/protocol/errors.ts";
import { Database, type DatabaseOptions } from "../../../lib/store/sqlite.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const applicationId = 0x77_73_63_74;
const migrations = ["CREATE TABLE notes (id TEXT PRIMARY KEY, size INTEGER) STRICT"];

function optionsFor(path: string, more: Partial<DatabaseOptions> = {}): DatabaseOptions {
  return { path, what: "the test's journal", applicationId, migrations, ...more };
}

/** What opening says; it must refuse. */
function refusalOf(options: DatabaseOptions): string {
  try {
    Database.open(options).close();
  } catch (error) {
    expect(error).toBeInstanceOf(WsctlError);
    expect(error).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect((error as Error).message).toContain(`the test's journal "${options.path}"`);
    return (error as Error).message;
  }
  throw new Error("opened");
}

function plainFile(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

function insertInto(db: Database) {
  return db.prepare<[string, number | null]>("INSERT INTO notes VALUES (?, ?)");
}

function idsIn(db: Database): string[] {
  return db
    .prepare<[], { id: string }>("SELECT id FROM notes ORDER BY id")
    .all()
    .map(({ id }) => id);
}

describe("Database.open()", () => {
  test("makes the directory and the file, for its user alone", () => {
    using dir = temporaryDir();
    const path = join(dir, "a", "b", "journal.db");
    Database.open(optionsFor(path)).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, "a", "b")).mode & 0o777).toBe(0o700);
  });

  test("takes back a file that others could read", () => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    Database.open(optionsFor(path)).close();
    chmodSync(path, 0o644);
    Database.open(optionsFor(path)).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("finds again what was committed", () => {
    using dir = temporaryDir();
    const options = optionsFor(join(dir, "journal.db"));
    const first = Database.open(options);
    insertInto(first).run("a", 1);
    first.close();
    const second = Database.open(options);
    expect(idsIn(second)).toEqual(["a"]);
    second.close();
  });

  test("takes an empty file for a new one", () => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    writeFileSync(path, "");
    const db = Database.open(optionsFor(path));
    expect(idsIn(db)).toEqual([]);
    db.close();
  });

  test("brings an older schema up and keeps its rows", () => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    const old = Database.open(optionsFor(path));
    insertInto(old).run("a", 1);
    old.close();
    const added = [...migrations, "ALTER TABLE notes ADD COLUMN colour TEXT DEFAULT 'red'"];
    const db = Database.open(optionsFor(path, { migrations: added }));
    expect(
      db
        .prepare<[], object>("SELECT * FROM notes")
        .all()
        .map((row) => ({ ...row })),
    ).toEqual([{ id: "a", size: 1, colour: "red" }]);
    db.close();
  });

  test("leaves the schema as it was when a migration fails", () => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    Database.open(optionsFor(path)).close();
    const broken = [...migrations, "CREATE TABLE half (id TEXT)", "CREATE TABLE notes (id TEXT)"];
    expect(refusalOf(optionsFor(path, { migrations: broken }))).toContain("already exists");
    const db = Database.open(optionsFor(path));
    const tables = db.prepare<[], { name: string }>(
      "SELECT name FROM sqlite_schema WHERE sql <> ''",
    );
    expect(tables.all().map(({ name }) => name)).toEqual(["notes"]);
    db.close();
  });

  test.each([
    ["another application_id", "PRAGMA application_id=7; CREATE TABLE theirs (x)"],
    ["another application_id and no table", "PRAGMA application_id=7"],
    ["tables and no application_id", "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"],
    ["a version and no application_id", "PRAGMA user_version=1; CREATE TABLE notes (id)"],
  ])("refuses another program's file: %s", (_, sql) => {
    using dir = temporaryDir();
    const path = join(dir, "other.db");
    plainFile(path, sql);
    expect(refusalOf(optionsFor(path))).toContain("belongs to another program");
    const db = new DatabaseSync(path);
    const found = db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'notes'").get();
    expect(found?.n).toBe(sql.includes("notes") ? 1 : 0);
    db.close();
  });

  test("refuses a newer schema and says which version wrote it", () => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    const newer = [...migrations, "CREATE TABLE more (id TEXT)"];
    Database.open(optionsFor(path, { migrations: newer })).close();
    const text = refusalOf(optionsFor(path));
    expect(text).toContain("written by a newer wsctl (schema 2; this version supports 1)");
    Database.open(optionsFor(path, { migrations: newer })).close();
  });

  test.each([
    ["text", "this is no database\n"],
    ["a page of noise", "\x07\xf3x".repeat(3_000)],
    ["the right start and noise behind it", `SQLite format 3\0${"\xff".repeat(5_000)}`],
  ])("refuses a damaged file and leaves it as it is: %s", (_, content) => {
    using dir = temporaryDir();
    const path = join(dir, "journal.db");
    writeFileSync(path, content);
    expect(refusalOf(optionsFor(path))).toContain("is damaged");
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test("refuses a directory, and a path below a file", () => {
    using dir = temporaryDir();
    mkdirSync(join(dir, "journal.db"));
    const pacing = "Check that the directory exists and that this user may write to it";
    expect(refusalOf(optionsFor(join(dir, "journal.db")))).toContain(pacing);
    writeFileSync(join(dir, "file"), "");
    expect(refusalOf(optionsFor(join(dir, "file", "journal.db")))).toContain(pacing);
    expect(existsSync(join(dir, "file", "journal.db"))).toBe(false);
  });
});

describe("Database.prepare()", () => {
  test("runs, gets and lists", () => {
    using dir = temporaryDir();
    const db = Database.open(optionsFor(join(dir, "journal.db")));
    expect(insertInto(db).run("a", 1)).toBe(1);
    expect(insertInto(db).run("b", null)).toBe(1);
    const get = db.prepare<[string], { size: number | null }>(
      "SELECT size FROM notes WHERE id = ?",
    );
    expect(get.get("a")?.size).toBe(1);
    expect(get.get("b")?.size).toBeNull();
    expect(get.get("c")).toBeUndefined();
    expect(idsIn(db)).toEqual(["a", "b"]);
    expect(db.prepare<[], never>("DELETE FROM notes").run()).toBe(2);
    db.close();
  });

  test("throws where a parameter is missing, undefined or one too many", () => {
    using dir = temporaryDir();
    const db = Database.open(optionsFor(join(dir, "journal.db")));
    const insert = insertInto(db);
    const loose = insert as unknown as Record<
      "run" | "get" | "all",
      (...values: unknown[]) => void
    >;
    for (const values of [[], ["a"], ["a", 1, 2], ["a", undefined], [undefined, 1]]) {
      for (const access of ["run", "get", "all"] as const) {
        expect(() => loose[access](...values)).toThrow("needs 2 parameters");
      }
    }
    expect(idsIn(db)).toEqual([]);
    db.close();
  });
});

describe("Database.transaction()", () => {
  test("keeps all of it, or none when its function throws", () => {
    using dir = temporaryDir();
    const options = optionsFor(join(dir, "journal.db"));
    const db = Database.open(options);
    const insert = insertInto(db);
    db.transaction(() => {
      insert.run("a", 1);
      insert.run("b", 2);
    });
    const fault = new Error("half way");
    let thrown: unknown;
    try {
      db.transaction(() => {
        insert.run("c", 3);
        throw fault;
      });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(fault);
    expect(idsIn(db)).toEqual(["a", "b"]);
    db.close();
    const again = Database.open(options);
    expect(idsIn(again)).toEqual(["a", "b"]);
    again.close();
  });

  test("rolls back when a statement is refused, and can be used again", () => {
    using dir = temporaryDir();
    const db = Database.open(optionsFor(join(dir, "journal.db")));
    const insert = insertInto(db);
    expect(() =>
      db.transaction(() => {
        insert.run("a", 1);
        insert.run("a", 2);
      }),
    ).toThrow("UNIQUE");
    db.transaction(() => {
      insert.run("b", 1);
    });
    expect(idsIn(db)).toEqual(["b"]);
    db.close();
  });

  test("refuses a transaction within a transaction and keeps nothing of either", () => {
    using dir = temporaryDir();
    const db = Database.open(optionsFor(join(dir, "journal.db")));
    const insert = insertInto(db);
    expect(() =>
      db.transaction(() => {
        insert.run("a", 1);
        db.transaction(() => {});
      }),
    ).toThrow("transaction");
    expect(idsIn(db)).toEqual([]);
    db.close();
  });
});

describe("Database and what is not its own", () => {
  test("leaves another program's file as it was, byte for byte", () => {
    using dir = temporaryDir();
    const path = join(dir, "other.db");
    plainFile(path, "PRAGMA application_id=7; CREATE TABLE theirs (x)");
    const before = readFileSync(path);
    expect(refusalOf(optionsFor(path))).toContain("another program");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("keeps the write-ahead log for its user alone too", () => {
    using dir = temporaryDir();
    chmodSync(`${dir}`, 0o755);
    const path = join(dir, "journal.db");
    const db = Database.open(optionsFor(path));
    insertInto(db).run("a", 1);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    db.close();
  });

  test("refuses a second statement in one text", () => {
    using dir = temporaryDir();
    const db = Database.open(optionsFor(join(dir, "journal.db")));
    const two = "INSERT INTO notes VALUES ('a', 1); INSERT INTO notes VALUES ('b', 2)";
    expect(() => db.prepare<[]>(two)).toThrow("must be one statement");
    db.close();
  });
});
