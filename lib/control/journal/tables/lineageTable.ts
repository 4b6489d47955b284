/**
 * Which of several control planes with a common past this one is: each restored one is newer than
 * the one that its backup was made of.
 */
import type { Database } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";

export interface StoredLineage {
  /** The key of this control plane and of all that are restored from its backups, in hexadecimal. */
  key: string;
  /** When it was restored, or took over, in milliseconds since 1970; 0 if it was neither. */
  restoredAt: number;
  /** When the control plane was restored that has taken over from this one. */
  supersededBy: number | undefined;
}

export type LineageFact =
  | { type: "control_plane_created"; control_id: string; lineage_key: string }
  | { type: "control_plane_restored"; restored_at: number }
  | { type: "control_plane_superseded"; restored_at: number };

/** All methods are synchronous, durable when they return, and throw on failure. */
export interface LineageTable {
  get(): StoredLineage;
  /** This control plane is newer than all others with the same past. */
  restored(at: number): void;
  /** A control plane that was restored at that time has taken over. */
  superseded(by: number): void;
}

interface LineageRow {
  lineage_key: string | null;
  restored_at: number;
  superseded_by: number | null;
}

/** @param record makes facts durable, and writes them into the index, before it returns */
export function createLineageTable(
  db: IndexReads,
  record: (...facts: LineageFact[]) => void,
): LineageTable {
  const row = db.prepare<[], LineageRow>(
    "SELECT lineage_key, restored_at, superseded_by FROM identity",
  );
  return {
    get() {
      const { lineage_key, restored_at: restoredAt = 0, superseded_by } = row.get() ?? {};
      return { key: lineage_key ?? "", restoredAt, supersededBy: superseded_by ?? undefined };
    },
    restored: (at) => record({ type: "control_plane_restored", restored_at: at }),
    superseded: (by) => record({ type: "control_plane_superseded", restored_at: by }),
  };
}

export function lineageWriter(db: Database) {
  const created = db.prepare<[string, string]>(
    "UPDATE identity SET control_id = ?, lineage_key = ?",
  );
  const restored = db.prepare<[number]>(
    "UPDATE identity SET restored_at = ?, superseded_by = NULL",
  );
  const superseded = db.prepare<[number]>("UPDATE identity SET superseded_by = ?");
  return {
    created: (controlId: string, key: string) => void created.run(controlId, key),
    restored: (at: number) => void restored.run(at),
    superseded: (by: number) => void superseded.run(by),
  };
}
