/** Published releases of wsctl: the signed manifest and the files. */
import type { ReleaseRequest } from "../../../protocol/api/releases.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";

export interface StoredRelease {
  version: string;
  release: ReleaseRequest["release"];
  /** Ids of artifacts, by the SHA-256 of their content. */
  artifacts: Readonly<{ [sha256: string]: string }>;
  createdAt: number;
  createdBy: string;
}

export type ReleaseFact =
  | { type: "release_stored"; release: StoredRelease }
  | { type: "release_removed"; version: string };

/** All methods are synchronous, durable when they return, and throw on failure. */
export interface ReleaseTable {
  get(version: string): StoredRelease | undefined;
  all(): StoredRelease[];
  /** Replaces a release of the same version. */
  put(release: StoredRelease): void;
  /** Returns false if there is none. */
  remove(version: string): boolean;
}

interface ReleaseRow {
  version: string;
  release: string;
  artifacts: string;
  created_at: number;
  created_by: string;
}

/** @param record makes facts durable, and writes them into the index, before it returns */
export function createReleaseTable(
  db: IndexReads,
  record: (...facts: ReleaseFact[]) => void,
): ReleaseTable {
  const byVersion = db.prepare<[string], ReleaseRow>("SELECT * FROM releases WHERE version = ?");
  const all = db.prepare<[], ReleaseRow>("SELECT * FROM releases");
  return {
    get: (version) => {
      const row = byVersion.get(version);
      return row === undefined ? undefined : toRelease(row);
    },
    all: () => all.all().map(toRelease),
    put: (release) => record({ type: "release_stored", release }),
    remove: (version) => {
      if (byVersion.get(version) === undefined) return false;
      record({ type: "release_removed", version });
      return true;
    },
  };
}

/** Writes releases into the index. */
export function releaseWriter(db: Database) {
  const store = db.prepare<[string, string, string, number, string]>(
    `INSERT INTO releases (version, release, artifacts, created_at, created_by)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET release = excluded.release, artifacts = excluded.artifacts`,
  );
  const remove = db.prepare<[string]>("DELETE FROM releases WHERE version = ?");
  return {
    store: ({ version, release, artifacts, createdAt, createdBy }: StoredRelease) => {
      store.run(version, JSON.stringify(release), JSON.stringify(artifacts), createdAt, createdBy);
    },
    remove: (version: string) => void remove.run(version),
  };
}

function toRelease(row: ReleaseRow): StoredRelease {
  return {
    version: row.version,
    release: JSON.parse(row.release),
    artifacts: JSON.parse(row.artifacts),
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}
