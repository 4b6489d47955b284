/**
 * The schema of the control plane's journal. The list is append-only: each entry migrates one
 * version. The tables of the full-text index are created on demand (`history/indexPartitions.ts`).
 */
import { auditMigration, auditStartMigration } from "../../store/auditTrail.ts";

export const migrations: readonly string[] = [
  `
  CREATE TABLE agents (
    agent_id TEXT PRIMARY KEY NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;

  CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY NOT NULL,
    command TEXT NOT NULL,
    parameters TEXT,
    target TEXT NOT NULL,
    timeout_ms REAL NOT NULL,
    ttl_ms REAL NOT NULL,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    idempotency_key TEXT UNIQUE,
    fingerprint TEXT,
    total INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  CREATE TABLE requests (
    request_id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (job_id),
    agent_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
      ('queued', 'sent', 'success', 'failed', 'error', 'expired', 'cancelled', 'lost')),
    sent_at REAL,
    journal_id TEXT,
    sequence INTEGER CHECK ((sequence IS NULL) = (state IN ('queued', 'sent'))),
    code TEXT,
    message TEXT,
    result TEXT,
    ended_at REAL,
    duration_ms REAL
  ) STRICT;
  CREATE INDEX requests_by_job ON requests (job_id, sequence);
  CREATE INDEX requests_open ON requests (request_id) WHERE sequence IS NULL;
  CREATE UNIQUE INDEX requests_by_sequence ON requests (sequence) WHERE sequence IS NOT NULL;

  CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'agent')),
    agent_id TEXT CHECK ((agent_id IS NOT NULL) = (role = 'agent')),
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at REAL
  ) STRICT;

  CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL,
    filler BLOB NOT NULL
  ) STRICT;
  INSERT INTO probe VALUES (1, 0, x'');
  `,
  "ALTER TABLE jobs ADD COLUMN cancelled_at REAL",
  `
  CREATE TABLE capabilities (
    digest TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE artifacts (
    artifact_id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('result', 'release')),
    state TEXT NOT NULL CHECK (state IN ('uploading', 'ready')),
    object TEXT NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0 CHECK (verified IN (0, 1)),
    agent_id TEXT,
    request_id TEXT CHECK ((request_id IS NOT NULL) = (kind = 'result')),
    created_by TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL
  ) STRICT;
  CREATE UNIQUE INDEX artifacts_once ON artifacts (coalesce(request_id, ''), sha256, name);
  CREATE INDEX artifacts_by_content ON artifacts (sha256, state);
  CREATE INDEX artifacts_by_object ON artifacts (object, bytes);
  CREATE INDEX artifacts_by_expiry ON artifacts (expires_at) WHERE expires_at IS NOT NULL;
  `,
  `
  CREATE TABLE releases (
    version TEXT PRIMARY KEY NOT NULL,
    release TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE jobs ADD COLUMN batch INTEGER;
  ALTER TABLE jobs ADD COLUMN max_failures INTEGER;
  `,
  `
  CREATE TABLE tokens_of_all_roles (
    token_id TEXT PRIMARY KEY NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'agent', 'join')),
    hash BLOB,
    public_key TEXT UNIQUE,
    agent_id TEXT CHECK (role IN ('agent', 'join') OR agent_id IS NULL),
    state TEXT NOT NULL CHECK (state IN ('active', 'pending', 'fenced')),
    terms TEXT NOT NULL,
    expires_at REAL,
    uses_left INTEGER CHECK ((uses_left IS NOT NULL) = (role = 'join') AND uses_left >= 0),
    counter INTEGER,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at REAL,
    CHECK ((hash IS NULL) <> (public_key IS NULL)),
    CHECK (role <> 'agent' OR agent_id IS NOT NULL)
  ) STRICT;
  INSERT INTO tokens_of_all_roles
    (token_id, role, hash, agent_id, state, terms, created_at, created_by, revoked_at)
    SELECT token_id, role, hash, agent_id, 'active', '{}', created_at, created_by, revoked_at
    FROM tokens;
  DROP TABLE tokens;
  ALTER TABLE tokens_of_all_roles RENAME TO tokens;
  CREATE INDEX jobs_by_creator ON jobs (created_by);
  CREATE INDEX tokens_by_agent ON tokens (agent_id) WHERE agent_id IS NOT NULL;
  CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    control_id TEXT NOT NULL
  ) STRICT;
  INSERT INTO identity VALUES (1, lower(hex(randomblob(16))));
  `,
  auditMigration,
  `
  ALTER TABLE jobs ADD COLUMN not_after TEXT;
  ALTER TABLE requests ADD COLUMN signatures TEXT;
  ALTER TABLE jobs ADD COLUMN needs_approval INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN approved_by TEXT;
  `,
  `
  ALTER TABLE jobs ADD COLUMN rollout TEXT;
  ALTER TABLE jobs ADD COLUMN priority TEXT;
  ALTER TABLE jobs ADD COLUMN require_online INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN paused_at REAL;
  ALTER TABLE jobs ADD COLUMN retry_of TEXT;
  ALTER TABLE requests ADD COLUMN batch_at REAL;
  `,
  `
  ALTER TABLE jobs ADD COLUMN schedule TEXT;
  CREATE TABLE schedules (
    schedule_id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  `,
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
  `
  ALTER TABLE requests ADD COLUMN started_at REAL;
  ALTER TABLE requests ADD COLUMN execution_ms REAL;
  ALTER TABLE jobs ADD COLUMN is_pruned INTEGER NOT NULL DEFAULT 0;

  DROP INDEX jobs_by_creator;
  CREATE INDEX jobs_by_creator ON jobs (created_by, job_id);
  CREATE INDEX jobs_by_command ON jobs (command, job_id);
  CREATE INDEX jobs_open ON jobs (job_id) WHERE ended < total;

  CREATE TABLE job_outcomes (
    outcome TEXT NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (outcome, job_id)
  ) STRICT, WITHOUT ROWID;
  CREATE VIRTUAL TABLE request_agents USING fts5(
    agent, content='', contentless_delete=1, detail=none, tokenize='ascii');
  CREATE VIRTUAL TABLE outcome_words USING fts5(
    words, content='', contentless_delete=1, detail=none, tokenize='unicode61');
  CREATE TABLE history_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    requests_through INTEGER NOT NULL,
    outcomes_through INTEGER NOT NULL
  ) STRICT;
  INSERT INTO history_index VALUES (1, 0, 0);
  ${auditStartMigration}
  `,
  `
  INSERT INTO request_agents (request_agents, rank) VALUES ('deletemerge', 0);
  INSERT INTO outcome_words (outcome_words, rank) VALUES ('deletemerge', 0);
  `,
  `
  DROP TABLE request_agents;
  DROP TABLE outcome_words;
  CREATE TABLE index_partitions (
    part INTEGER PRIMARY KEY,
    is_merged INTEGER NOT NULL DEFAULT 0,
    is_pruning INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  ALTER TABLE history_index ADD COLUMN indexed_sequence INTEGER NOT NULL DEFAULT 0;
  UPDATE history_index
    SET indexed_sequence = outcomes_through, requests_through = 0, outcomes_through = 0;
  `,
  `
  DROP INDEX requests_open;
  ALTER TABLE history_index ADD COLUMN partition_requests INTEGER NOT NULL DEFAULT 524288;
  `,
];
