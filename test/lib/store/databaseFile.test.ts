import { expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isMarkedDamaged, removeDatabase } from "../../../lib/store/databaseFile.ts";
import { Database } from "../../../lib/store/sqlite.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

test("a large file that is damaged in the middle is named when it is read, and is marked", () => {
  using dir = temporaryDir();
  const options = {
    path: join(`${dir}`, "index.db"),
    what: "the index",
    applicationId: 7,
    migrations: ["CREATE TABLE notes (id TEXT PRIMARY KEY) STRICT"],
  };
  const db = Database.open(options);
  const insert = db.prepare<[string]>("INSERT INTO notes VALUES (?)");
  db.transaction(() => {
    for (let row = 0; row < 200; row++) insert.run(`${row} ${"x".repeat(100_000)}`);
  });
  db.close();
  const fd = openSync(options.path, "r+");
  for (let page = 100; page < 4_000; page++) {
    writeSync(fd, new Uint8Array(4096).fill(7), 0, 4096, page * 4096);
  }
  closeSync(fd);
  const damaged = Database.open(options);
  let refusal = "";
  try {
    damaged.prepare<[], { id: string }>("SELECT id FROM notes").all();
  } catch (error) {
    expect(error).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    refusal = (error as Error).message;
  }
  expect(refusal).toMatch(/^Cannot use the index .*: the file is damaged .* Restart: /);
  expect(isMarkedDamaged(options.path)).toBeTrue();
  damaged.close();
  removeDatabase(options.path);
  expect(isMarkedDamaged(options.path)).toBeFalse();
});
