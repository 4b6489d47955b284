/** Both sides remove old audit entries, and what remains can be verified. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openAgentJournal } from "../../lib/agent/journal/journal.ts";
import { openControlJournal } from "../../lib/control/journal/sqliteJournal.ts";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import type { AuditTrail } from "../../lib/store/auditTrail.ts";
import { openFileStorage } from "../../lib/store/log/fileStorage.ts";
import { jsonLines } from "../support/processes/cli.ts";
import { connectedAgent, startServe, temporaryDir, wsctl } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dayMs = 24 * 60 * 60 * 1000;
const records = 4_000;

/** Half of them from 500 days ago, the rest from yesterday. */
function seed(trail: AuditTrail): void {
  const facts = { action: "test.seed", outcome: "accepted" };
  for (let index = 0; index < records; index++) {
    trail.write(facts, Date.now() - (index < records / 2 ? 500 : 1) * dayMs);
  }
}

test("the control plane prunes its trail after --audit-retention, also across kill -9", async () => {
  using dataDir = temporaryDir();
  const path = join(dataDir, "control.db");
  const journal = openControlJournal(path);
  seed(journal.audit);
  const [line] = journal.audit.list(99, 1);
  const [later] = journal.audit.list(2_999, 1);
  journal.close();
  const first = await startServe({ dataDir });
  await first.process.logged(/audit pruning started/);
  await first.process.kill();
  const verify = (...args: string[]) =>
    wsctl(["audit", "verify", "--data-dir", `${dataDir}`, ...args]);
  const midway = await verify("--journal", path);
  expect(midway).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whole .*pruned$/m) });
  await using second = await startServe({ dataDir, args: ["--audit-retention", "400d"] });
  await second.process.logged(/audit pruned.*2000/);
  expect((await verify()).stdout).toMatch(/^whole {2}\d+:[0-9a-f]{64} {2}from record 2001 on/);
  expect((await verify("--head", `3000:${later?.hash}`)).code).toBe(0);
  const old = await verify("--head", `100:${line?.hash}`);
  expect(old.code).toBe(1);
  expect(old.stderr).toContain("record 100 is older than the retained entries");
  const all = await wsctl(["audit", "export", "--data-dir", `${dataDir}`]);
  const lines = jsonLines<AuditLine>(all).map(({ record }) => record);
  expect(lines[0]?.sequence).toBe(2_001);
  expect(lines).toContainEqual(
    expect.objectContaining({
      action: "audit.prune",
      resource: expect.objectContaining({
        last_sequence: 2_000,
        reason: "serve --audit-retention 400d",
      }),
    }),
  );
  await second.process.stop();
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM audit WHERE sequence = 2500");
  db.close();
  expect((await verify("--journal", path)).stdout).toMatch(/broken at record 2500/);
});

/** Requests that ended 500 days ago, and some from yesterday. */
function seedAgent(path: string): void {
  let wall = Date.now() - 500 * dayMs;
  const storage = openFileStorage({ path, tryLock: () => true });
  const clock = { after: () => () => {}, now: () => wall, wall: () => wall };
  const policy = { isInline: true, averageMs: 0, measured: () => {} };
  const journal = openAgentJournal({ storage, clock, segmentBytes: 64 * 1024, policy });
  for (let index = 0; index < records; index++) {
    if (index === records / 2) wall = Date.now() - dayMs;
    const requestId = `request-${index}`;
    const record = { requestId, command: "ping", parameters: {}, state: "ended" as const };
    const times = { timeoutMs: 1, keepUntil: 1, since: wall };
    journal.commit([{ type: "putRequest", record: { ...record, ...times } }], () => {});
    journal.commit([{ type: "markAcknowledged", requestId }], () => {});
  }
  journal.close();
}

test("an agent removes old segments of its log after --audit-retention, and records it", async () => {
  using dataDir = temporaryDir();
  const path = join(dataDir, "agents", "web-1", "log");
  seedAgent(path);
  await using _serving = await startServe({ dataDir });
  const options = { dataDir, id: "web-1", args: ["--audit-retention", "30d"] };
  await using agent = await connectedAgent(options);
  const [, through] = await agent.logged(/log entries removed through=(\d+)/);
  expect(Number(through)).toBeGreaterThan(1_000);
  await wsctl(["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`]);
  const judged = await wsctl(["audit", "verify", "--journal", path]);
  expect(judged.stdout).toMatch(/^whole .*from record \d+ on; earlier records were pruned/);
  const trail = await wsctl(["audit", "list", "--json", "--journal", path]);
  expect(jsonLines<AuditLine>(trail).map(({ record }) => record)).toContainEqual(
    expect.objectContaining({
      action: "audit.prune",
      resource: expect.objectContaining({ reason: "agent --audit-retention 30d" }),
    }),
  );
});
