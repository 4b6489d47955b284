/** A journal of an earlier version is taken on as it is. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrations } from "../../../../lib/control/journal/migrations.ts";
import { openControlJournal } from "../../../../lib/control/journal/sqliteJournal.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

/** Before tokens of all roles, the audit trail and signed commands. */
const before = 6;

test("tokens, jobs and requests of an earlier version are there, and its tokens are in force", () => {
  using dir = temporaryDir();
  const path = join(dir, "control.db");
  const old = new DatabaseSync(path);
  for (const migration of migrations.slice(0, before)) old.exec(migration);
  old.exec(`
    INSERT INTO tokens VALUES ('aaaaaaaaaaaa', x'01', 'admin', NULL, 1, 'local', NULL);
    INSERT INTO tokens VALUES ('bbbbbbbbbbbb', x'02', 'agent', 'web-1', 2, 'aaaaaaaaaaaa', 3);
    INSERT INTO jobs (job_id, command, target, timeout_ms, ttl_ms, created_at, created_by, total)
      VALUES ('j1', 'ping', '{"all":true}', 1, 1, 1, 'aaaaaaaaaaaa', 1);
    INSERT INTO requests (request_id, job_id, agent_id, state) VALUES ('r1', 'j1', 'web-1', 'queued');
  `);
  old.exec(`PRAGMA application_id=${0x77736370}`);
  old.exec(`PRAGMA user_version=${before}`);
  old.close();
  const journal = openControlJournal(path);
  try {
    expect(journal.tokens.get("aaaaaaaaaaaa")).toMatchObject({ role: "admin", state: "active" });
    expect(journal.tokens.get("bbbbbbbbbbbb")).toMatchObject({ agentId: "web-1", revokedAt: 3 });
    expect(journal.open().requests).toMatchObject([{ requestId: "r1", state: "queued" }]);
    expect(journal.job("j1")).toMatchObject({ command: "ping", total: 1 });
    expect(journal.job("j1")).not.toHaveProperty("needsApproval");
    expect(journal.controlId).toMatch(/^[0-9a-f]{32}$/);
    expect(journal.audit.head.sequence).toBe(0);
  } finally {
    journal.close();
  }
});
