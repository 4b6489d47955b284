/** Opens the SQLite files beside the log: its index, and the metrics of agents. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { errorText, WsctlError } from "../../../protocol/errors.ts";
import { isMarkedDamaged, removeDatabase } from "../../../store/databaseFile.ts";
import { crc32c } from "../../../store/log/crc32c.ts";
import { Database, type DatabaseOptions } from "../../../store/sqlite.ts";
import { indexSchema, metricsSchema } from "./indexSchema.ts";

const indexId = 0x77736369;
const metricsId = 0x7773636d;

/** The file cannot be used, and its content can be made again. */
class DatabaseDamaged extends Error {}

const indexOptions = {
  what: "the index of the log",
  applicationId: indexId,
  migrations: indexSchema,
  schemaVersion: crc32c(new TextEncoder().encode(indexSchema.join("\n"))) >>> 1,
};

/**
 * Opens the index for writing. A lack of space or of permission is no damage: a rebuilt index would
 * not help.
 *
 * @param isShared whether another connection of this process reads the file
 */
export function openIndex(path: string, isShared: boolean): Database {
  return openDerived({ ...indexOptions, path, isShared });
}

/** Opens an index for reads that is open for writing on another thread. */
export function readIndex(path: string): Database {
  return Database.openReadOnly({ ...indexOptions, path });
}

/**
 * Opens the metrics. A damaged file is replaced by an empty one, because nothing depends on what
 * was in it.
 */
export function openMetrics(dataDir: string, onDamage?: (error: WsctlError) => void): Database {
  const path = join(dataDir, "metrics.db");
  const what = "the metrics of agents";
  const open = () =>
    openDerived({ path, what, applicationId: metricsId, migrations: metricsSchema });
  try {
    return open();
  } catch (error) {
    if (!(error instanceof DatabaseDamaged)) throw error;
    removeDatabase(path);
    const text = `The file of ${what} "${path}" is damaged. It is replaced by an empty file`;
    onDamage?.(new WsctlError("STORAGE_UNAVAILABLE", text));
    return open();
  }
}

function openDerived(options: DatabaseOptions): Database {
  const isThere = existsSync(options.path);
  if (isThere && isMarkedDamaged(options.path)) {
    throw new DatabaseDamaged(`${options.what} "${options.path}" was found damaged`);
  }
  try {
    return Database.open(options);
  } catch (error) {
    const isDamage = /damaged|of another version|newer wsctl|belongs to another program/.test(
      String(error),
    );
    if (isThere && isDamage) throw new DatabaseDamaged(errorText(error));
    throw error;
  }
}
