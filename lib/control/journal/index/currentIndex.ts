/** The index as its readers see it: it has everything that was recorded, or a read is an error. */
import type { Database, Statement, Value } from "../../../store/sqlite.ts";

/** What reads the index. */
export type IndexReads = Pick<Database, "prepare" | "read">;

/**
 * @param assertCurrent is called before every read
 * @throws {WsctlError} STORAGE_UNAVAILABLE from each read, while the index lacks entries of the log
 */
export function currentIndex(db: Database, assertCurrent: () => void): IndexReads {
  return {
    prepare: <Params extends readonly Value[], Row>(sql: string): Statement<Params, Row> => {
      const statement = db.prepare<Params, Row>(sql);
      return {
        run: (...values) => statement.run(...values),
        get: (...values) => {
          assertCurrent();
          return statement.get(...values);
        },
        all: (...values) => {
          assertCurrent();
          return statement.all(...values);
        },
      };
    },
    read: (run) => {
      assertCurrent();
      return db.read(run);
    },
  };
}
