/**
 * The schema of the index of the log, and the one of the metrics. The index is built from the log:
 * an index of another version is rebuilt. The tables of the
 * full-text index are created on demand (`history/indexPartitions.ts`). Columns of the type ANY hold
 * ids as `packId.ts` packs them. The columns of jobs that may be large are the last, so that a list
 * need not read them.
 */

/** An index whose schema has another text is of another version. */
export const indexSchema: readonly string[] = [
  `
  CREATE TABLE applied (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL
  ) STRICT;
  INSERT INTO applied VALUES (1, 0, zeroblob(32));

  CREATE TABLE log_batches (
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (segment, offset)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX log_batches_by_first ON log_batches (first);

  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    control_id TEXT,
    lineage_key TEXT,
    restored_at INTEGER NOT NULL,
    superseded_by INTEGER
  ) STRICT;
  INSERT INTO identity VALUES (1, NULL, NULL, 0, NULL);

  CREATE TABLE agents (
    agent_id TEXT PRIMARY KEY NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;

  CREATE TABLE jobs (
    job_id ANY PRIMARY KEY NOT NULL,
    total INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    is_pruned INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    command TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT,
    schedule TEXT,
    idempotency_key TEXT,
    timeout_ms REAL NOT NULL,
    ttl_ms REAL NOT NULL,
    cancelled_at REAL,
    approved_by TEXT,
    paused_at REAL,
    target TEXT NOT NULL,
    options TEXT,
    parameters TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX jobs_by_key ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX jobs_by_creator ON jobs (created_by, job_id);
  CREATE INDEX jobs_by_creator_name ON jobs (created_by_name, job_id)
    WHERE created_by_name IS NOT NULL;
  CREATE INDEX jobs_by_schedule ON jobs (schedule, job_id) WHERE schedule IS NOT NULL;
  CREATE INDEX jobs_by_command ON jobs (command, job_id);
  CREATE INDEX jobs_open ON jobs (job_id) WHERE ended < total;

  CREATE TABLE requests (
    request_id ANY PRIMARY KEY NOT NULL,
    job_id ANY NOT NULL REFERENCES jobs (job_id),
    agent_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
      ('queued', 'sent', 'success', 'failed', 'error', 'expired', 'cancelled', 'lost')),
    sent_at REAL,
    journal_id ANY,
    sequence INTEGER CHECK ((sequence IS NULL) = (state IN ('queued', 'sent'))),
    code TEXT,
    message TEXT,
    result TEXT,
    ended_at REAL,
    duration_ms REAL,
    signatures TEXT,
    batch_at REAL,
    started_at REAL,
    execution_ms REAL
  ) STRICT;
  CREATE INDEX requests_by_job ON requests (job_id, sequence);
  CREATE UNIQUE INDEX requests_by_sequence ON requests (sequence) WHERE sequence IS NOT NULL;

  CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'metrics', 'trigger', 'agent', 'join', 'login')),
    hash BLOB,
    public_key TEXT UNIQUE,
    agent_id TEXT CHECK (role IN ('agent', 'join') OR agent_id IS NULL),
    state TEXT NOT NULL CHECK (state IN ('active', 'pending', 'fenced')),
    terms TEXT NOT NULL,
    expires_at REAL,
    uses_left INTEGER CHECK ((uses_left IS NOT NULL) = (role IN ('join', 'login')) AND uses_left >= 0),
    counter INTEGER,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at REAL,
    CHECK ((hash IS NULL) <> (public_key IS NULL)),
    CHECK (role <> 'agent' OR agent_id IS NOT NULL)
  ) STRICT;
  CREATE INDEX tokens_by_agent ON tokens (agent_id) WHERE agent_id IS NOT NULL;
  CREATE INDEX tokens_not_active ON tokens (state) WHERE role = 'agent' AND state <> 'active'
    AND revoked_at IS NULL;
  CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE capabilities (
    digest TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
  ) STRICT;

  CREATE TABLE artifacts (
    artifact_id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('result', 'release', 'file')),
    state TEXT NOT NULL CHECK (state IN ('uploading', 'ready')),
    object TEXT NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0 CHECK (verified IN (0, 1)),
    agent_id TEXT,
    request_id ANY CHECK ((request_id IS NOT NULL) = (kind = 'result')),
    created_by TEXT NOT NULL,
    ttl_ms REAL,
    created_at REAL NOT NULL,
    expires_at REAL
  ) STRICT;
  CREATE UNIQUE INDEX artifacts_once ON artifacts (coalesce(request_id, ''), sha256, name);
  CREATE INDEX artifacts_by_content ON artifacts (sha256, state);
  CREATE INDEX artifacts_by_object ON artifacts (object, bytes);
  CREATE INDEX artifacts_by_expiry ON artifacts (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE releases (
    version TEXT PRIMARY KEY NOT NULL,
    release TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL
  ) STRICT;

  CREATE TABLE definitions (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE schedules (
    schedule_id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    record TEXT NOT NULL
  ) STRICT;

  CREATE TABLE job_outcomes (
    outcome TEXT NOT NULL,
    job_id ANY NOT NULL,
    PRIMARY KEY (outcome, job_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE index_partitions (
    part INTEGER PRIMARY KEY,
    is_merged INTEGER NOT NULL DEFAULT 0,
    is_pruning INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE history_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    requests_through INTEGER NOT NULL,
    outcomes_through INTEGER NOT NULL,
    partition_requests INTEGER NOT NULL DEFAULT 524288
  ) STRICT;
  INSERT INTO history_index (id, requests_through, outcomes_through) VALUES (1, 0, 0);
  `,
];

export const metricsSchema: readonly string[] = [
  `
  CREATE TABLE metrics (
    agent_id TEXT NOT NULL,
    hour INTEGER NOT NULL,
    minutes BLOB,
    cpu_mean REAL NOT NULL,
    cpu_max REAL NOT NULL,
    memory_mean REAL NOT NULL,
    PRIMARY KEY (agent_id, hour)
  ) STRICT;
  CREATE INDEX metrics_by_hour ON metrics (hour);
  CREATE INDEX metrics_with_minutes ON metrics (hour) WHERE minutes IS NOT NULL;
  `,
];
