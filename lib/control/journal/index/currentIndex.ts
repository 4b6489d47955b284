/** The index as the readers of tables see it: it has what was recorded, or a read is an error. */
import type { Database, Statement, Value } from "../../../store/sqlite.ts";

/** What reads the index. */
export type IndexReads = Pick<Database, "prepare" | "read">;

/**
 * @param assertCurrent is called before every read
 * @throws {WsctlError} STORAGE_UNAVAILABLE from a read of what the index could not take yet
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
