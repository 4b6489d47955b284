/** Published releases of wsctl: the signed manifest and the files. */
import type { ReleaseRequest } from "../../../protocol/api/views.ts";
import type { Database } from "../../../store/sqlite.ts";

export interface StoredRelease {
  version: string;
  release: ReleaseRequest["release"];
  /** Ids of artifacts, by the SHA-256 of their content. */
  artifacts: Readonly<Record<string, string>>;
  createdAt: number;
  createdBy: string;
}

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

export function createReleaseTable(db: Database): ReleaseTable {
  const byVersion = db.prepare<[string], ReleaseRow>("SELECT * FROM releases WHERE version = ?");
  const all = db.prepare<[], ReleaseRow>("SELECT * FROM releases");
  const put = db.prepare<[string, string, string, number, string]>(
    `INSERT INTO releases (version, release, artifacts, created_at, created_by)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET release = excluded.release, artifacts = excluded.artifacts`,
  );
  const remove = db.prepare<[string]>("DELETE FROM releases WHERE version = ?");
  return {
    get: (version) => {
      const row = byVersion.get(version);
      return row === undefined ? undefined : toRelease(row);
    },
    all: () => all.all().map(toRelease),
    put: ({ version, release, artifacts, createdAt, createdBy }) => {
      put.run(version, JSON.stringify(release), JSON.stringify(artifacts), createdAt, createdBy);
    },
    remove: (version) => remove.run(version) > 0,
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
