/** Opens the SQLite files beside the log: its index, and the metrics of agents. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Database } from "../../../store/sqlite.ts";
import { indexSchema, metricsSchema } from "./indexSchema.ts";

const indexId = 0x77736369;
const metricsId = 0x7773636d;

/** The index cannot be used, and the log has everything that it had. */
export class IndexDamaged extends Error {}

/** A lack of space or of permission is no damage: a rebuilt index would not help. */
export function openIndex(path: string): Database {
  const isThere = existsSync(path);
  try {
    const what = "the index of the log";
    return Database.open({
      path,
      what,
      applicationId: indexId,
      migrations: indexSchema,
      isDerived: true,
    });
  } catch (error) {
    const isDamage = /damaged|newer wsctl|belongs to another program/.test(String(error));
    if (isThere && isDamage) throw new IndexDamaged(String(error));
    throw error;
  }
}

export function openMetrics(dataDir: string): Database {
  const path = join(dataDir, "metrics.db");
  const what = "the metrics of agents";
  return Database.open({
    path,
    what,
    applicationId: metricsId,
    migrations: metricsSchema,
    isDerived: true,
  });
}
