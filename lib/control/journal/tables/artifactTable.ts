/** The records of artifacts in the control plane's journal, without their content. */
import type { ArtifactKind, ArtifactState } from "../../../protocol/api/artifacts.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import type { Database, Value } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";
import { type PackedId, packId, packOptional, unpackId } from "../index/packId.ts";
import { prefixRange } from "../prefixRange.ts";

export interface StoredArtifact {
  artifactId: string;
  name: string;
  bytes: number;
  sha256: string;
  kind: ArtifactKind;
  state: ArtifactState;
  /** The name of the content in the store. Artifacts with equal content may share it. */
  object: string;
  /** Whether the store has verified the SHA-256 of the content. */
  isVerified: boolean;
  agentId?: string;
  requestId?: string;
  /** The id of the token that created it. */
  createdBy: string;
  /** How long it is kept from when it is complete, if not for the default time. */
  ttlMs?: number;
  createdAt: number;
  expiresAt?: number;
}

export type ArtifactFact =
  | { type: "artifact_stored"; artifact: StoredArtifact }
  | { type: "artifact_removed"; artifact_id: string };

export interface ArtifactsQuery {
  limit: number;
  /** Only artifacts older than this one. */
  before?: string | undefined;
  agentId?: string | undefined;
  /** A name, in which `*` and `?` are wildcards. */
  name?: string | undefined;
  /** Only artifacts of the requests of this job. */
  jobId?: string | undefined;
  now: number;
}

/** All methods are synchronous, durable when they return, and throw on failure. */
export interface ArtifactTable {
  get(artifactId: string): StoredArtifact | undefined;
  /** Returns what an equal request created before. */
  same(
    wanted: Pick<StoredArtifact, "requestId" | "sha256" | "name" | "kind">,
  ): StoredArtifact | undefined;
  /** Returns a ready, verified and unexpired artifact with this content. */
  withContent(sha256: string, now: number): StoredArtifact | undefined;
  /** Newest first, without expired ones. */
  list(query: ArtifactsQuery): StoredArtifact[];
  /** Returns up to `limit` ids that begin with the prefix, newest first, without expired ones. */
  idsFrom(prefix: string, limit: number, now: number): string[];
  /** Oldest first, with expired ones. */
  all(): StoredArtifact[];
  expired(now: number, limit: number): StoredArtifact[];
  /**
   * The number of records, and the bytes stored or reserved for them; shared content counts once.
   */
  usage(): { count: number; bytes: number };
  count(requestId: string): number;
  /** Returns the agent that an open request was sent to. */
  findOpenAgent(requestId: string): string | undefined;
  /** Returns the number of records that refer to an object. */
  references(object: string): number;
  add(artifact: StoredArtifact): void;
  setReady(artifactId: string, isVerified: boolean, expiresAt: number | undefined): void;
  /** Sets when an upload or the whole artifact expires. */
  setExpiry(artifactId: string, expiresAt: number): void;
  remove(artifactId: string): void;
}

interface ArtifactRow {
  artifact_id: string;
  name: string;
  bytes: number;
  sha256: string;
  kind: ArtifactKind;
  state: ArtifactState;
  object: string;
  verified: number;
  agent_id: string | null;
  request_id: PackedId | null;
  created_by: string;
  ttl_ms: number | null;
  created_at: number;
  expires_at: number | null;
}

interface Usage {
  count: number;
  bytes: number | null;
}

const isLive = "(expires_at IS NULL OR expires_at > ?)";

/** Greater than every id. */
const afterAll = "~";

/**
 * @param record makes facts durable, and writes them into the index, before it returns
 * @param about returns an id when the index has everything about it
 * @throws {WsctlError} INTERNAL by methods that change an unknown artifact
 */
export function createArtifactTable(
  db: IndexReads,
  record: (...facts: ArtifactFact[]) => void,
  about: (id: string) => PackedId,
): ArtifactTable {
  const byId = db.prepare<[string], ArtifactRow>("SELECT * FROM artifacts WHERE artifact_id = ?");
  const same = db.prepare<[PackedId, string, string, string], ArtifactRow>(
    `SELECT * FROM artifacts
       WHERE coalesce(request_id, '') = ? AND sha256 = ? AND name = ? AND kind = ?`,
  );
  const byContent = db.prepare<[string, number], ArtifactRow>(
    `SELECT * FROM artifacts
       WHERE sha256 = ? AND state = 'ready' AND verified = 1 AND ${isLive} LIMIT 1`,
  );
  const list = db.prepare<Value[], ArtifactRow>(
    `SELECT * FROM artifacts WHERE artifact_id < ? AND ${isLive}
       AND agent_id IS coalesce(nullif(?, ''), agent_id) AND name GLOB ?
       AND (? OR ? = (SELECT job_id FROM requests AS r
         WHERE r.request_id = artifacts.request_id)) ORDER BY artifact_id DESC LIMIT ?`,
  );
  const idsFrom = db.prepare<[string, string, number, number], { artifact_id: string }>(
    `SELECT artifact_id FROM artifacts WHERE artifact_id >= ? AND artifact_id < ? AND ${isLive}
       ORDER BY artifact_id DESC LIMIT ?`,
  );
  const all = db.prepare<[], ArtifactRow>("SELECT * FROM artifacts ORDER BY artifact_id");
  const expired = db.prepare<[number, number], ArtifactRow>(
    "SELECT * FROM artifacts WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
  );
  // Two uploads of the same content are two files until the first is complete.
  const usage = db.prepare<[], Usage>(
    `SELECT sum(count) AS count, sum(bytes) AS bytes FROM (
       SELECT count(*) AS count, CASE WHEN max(state = 'ready') THEN max(bytes) ELSE 0 END
           + coalesce(sum(bytes) FILTER (WHERE state = 'uploading'), 0) AS bytes
         FROM artifacts GROUP BY object)`,
  );
  const countOf = db.prepare<[PackedId], { count: number }>(
    "SELECT count(*) AS count FROM artifacts WHERE coalesce(request_id, '') = ?",
  );
  const agentOfOpen = db.prepare<[PackedId], { agent_id: string }>(
    "SELECT agent_id FROM requests WHERE request_id = ? AND sequence IS NULL",
  );
  const references = db.prepare<[string], { count: number }>(
    "SELECT count(*) AS count FROM artifacts WHERE object = ?",
  );
  const optional = (row: ArtifactRow | undefined) => (row === undefined ? row : toArtifact(row));
  const change = (artifactId: string): StoredArtifact => {
    const found = optional(byId.get(artifactId));
    if (found !== undefined) return found;
    throw new WsctlError("INTERNAL", `Cannot change the artifact "${artifactId}": it is unknown`);
  };

  return {
    get: (artifactId) => optional(byId.get(artifactId)),
    same: ({ requestId = "", sha256, name, kind }) =>
      optional(same.get(packId(requestId), sha256, name, kind)),
    withContent: (sha256, now) => optional(byContent.get(sha256, now)),
    list: ({ limit, before = afterAll, agentId = "", name = "*", jobId, now }) => {
      const glob = name.replaceAll("[", "[[]");
      const job = jobId === undefined ? null : about(jobId.toLowerCase());
      const isAnyJob = job === null ? 1 : 0;
      return list.all(before, now, agentId, glob, isAnyJob, job, limit).map(toArtifact);
    },
    idsFrom: (prefix, limit, now) =>
      idsFrom.all(...prefixRange(prefix), now, limit).map((row) => row.artifact_id),
    all: () => all.all().map(toArtifact),
    expired: (now, limit) => expired.all(now, limit).map(toArtifact),
    usage: () => {
      const row = usage.get();
      return { count: row?.count ?? 0, bytes: row?.bytes ?? 0 };
    },
    count: (requestId) => countOf.get(packId(requestId))?.count ?? 0,
    findOpenAgent: (requestId) => agentOfOpen.get(about(requestId))?.agent_id,
    references: (object) => references.get(object)?.count ?? 0,
    add: (artifact) => record({ type: "artifact_stored", artifact }),
    setReady: (artifactId, isVerified, expiresAt) => {
      const { expiresAt: _, ...found } = change(artifactId);
      const expiry = expiresAt === undefined ? {} : { expiresAt };
      const artifact = { ...found, state: "ready" as const, isVerified, ...expiry };
      record({ type: "artifact_stored", artifact });
    },
    setExpiry: (artifactId, expiresAt) =>
      record({ type: "artifact_stored", artifact: { ...change(artifactId), expiresAt } }),
    remove: (artifactId) => record({ type: "artifact_removed", artifact_id: artifactId }),
  };
}

/** Writes the records of artifacts into the index. */
export function artifactWriter(db: Database) {
  const store = db.prepare(
    `INSERT INTO artifacts (artifact_id, name, bytes, sha256, kind, state, object, verified,
       agent_id, request_id, created_by, ttl_ms, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (artifact_id) DO UPDATE SET state = excluded.state,
         verified = excluded.verified, expires_at = excluded.expires_at`,
  );
  const remove = db.prepare<[string]>("DELETE FROM artifacts WHERE artifact_id = ?");
  return {
    store: (artifact: StoredArtifact) => void store.run(...toValues(artifact)),
    remove: (artifactId: string) => void remove.run(artifactId),
  };
}

function toValues(artifact: StoredArtifact) {
  return [
    artifact.artifactId,
    artifact.name,
    artifact.bytes,
    artifact.sha256,
    artifact.kind,
    artifact.state,
    artifact.object,
    artifact.isVerified ? 1 : 0,
    artifact.agentId ?? null,
    packOptional(artifact.requestId),
    artifact.createdBy,
    artifact.ttlMs ?? null,
    artifact.createdAt,
    artifact.expiresAt ?? null,
  ];
}

function toArtifact(row: ArtifactRow): StoredArtifact {
  return {
    artifactId: row.artifact_id,
    name: row.name,
    bytes: row.bytes,
    sha256: row.sha256,
    kind: row.kind,
    state: row.state,
    object: row.object,
    isVerified: row.verified === 1,
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.request_id === null ? {} : { requestId: unpackId(row.request_id) }),
    createdBy: row.created_by,
    ...(row.ttl_ms === null ? {} : { ttlMs: row.ttl_ms }),
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  };
}
