/** Both sides remove old audit entries, and what remains can be verified. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openAgentJournal } from "../../lib/agent/journal/journal.ts";
import { createToken } from "../../lib/control/auth/bearerTokens.ts";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import { openFileStorage } from "../../lib/store/log/fileStorage.ts";
import { openJournal } from "../support/fixtures/filledJournal.ts";
import { jsonLines } from "../support/processes/cli.ts";
import { connectedAgent, startServe, temporaryDir, wsctl } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dayMs = 24 * 60 * 60 * 1000;
const records = 4_000;

/** Half of the entries are 500 days old, and the rest is from yesterday. */
function seed(dataDir: string): void {
  let wall = Date.now() - 500 * dayMs;
  const clock = { after: () => () => {}, wall: () => wall };
  const policy = { isInline: true, measured: () => {} };
  const journal = openJournal(dataDir, {
    clock,
    policy,
    segmentBytes: { first: 65_536, max: 65_536 },
  });
  createToken(journal.tokens, { role: "viewer" }, "seed", wall);
  for (let index = 0; index < records; index++) {
    if (index === records / 2) wall = Date.now() - dayMs;
    journal.audit.write({ action: "test.seed", outcome: "accepted", resource: { index } });
  }
  journal.close();
}

test("a control plane removes old segments of its log after --audit-retention, and records it", async () => {
  using dataDir = temporaryDir();
  seed(`${dataDir}`);
  const serving = await startServe({ dataDir, args: ["--audit-retention", "400d"] });
  await using _serving = serving;
  const [, through] = await serving.process.logged(/log entries removed through=(\d+)/);
  expect(Number(through)).toBeGreaterThan(1_000);
  const verify = (...args: string[]) =>
    wsctl(["audit", "verify", "--data-dir", `${dataDir}`, ...args]);
  const whole = await verify();
  expect(whole.stdout).toMatch(/^whole {2}\d+:[0-9a-f]{64} {2}from record \d+ on/);
  const old = await verify("--head", `100:${"a".repeat(64)}`);
  expect(old.code).toBe(1);
  expect(old.stderr).toContain("record 100 is older than the retained entries");
  const all = await wsctl(["audit", "export", "--data-dir", `${dataDir}`]);
  const lines = jsonLines<AuditLine>(all).map(({ record }) => record);
  expect(lines[0]?.sequence).toBe(Number(through) + 1);
  const resource = { last_sequence: Number(through), reason: "serve --audit-retention 400d" };
  expect(lines).toContainEqual(
    expect.objectContaining({ action: "audit.prune", resource: expect.objectContaining(resource) }),
  );
  // What was stated in the removed segments and still holds is in the rest of the log.
  await serving.process.stop();
  for (const name of ["index.db", "index.db-wal"]) rmSync(join(dataDir, name), { force: true });
  await using again = await startServe({ dataDir });
  const tokens = await wsctl(["tokens", "--json", "--data-dir", `${dataDir}`]);
  const creators = jsonLines<{ created_by: string }>(tokens).map(({ created_by }) => created_by);
  expect(creators).toContain("seed");
  expect(await again.process.stop()).toBe(0);
});

/** Requests that ended 500 days ago, and some from yesterday. */
function seedAgent(path: string): void {
  let wall = Date.now() - 500 * dayMs;
  const storage = openFileStorage({ path, tryLock: () => true });
  const clock = { after: () => () => {}, now: () => wall, wall: () => wall };
  const policy = { isInline: true, measured: () => {} };
  const journal = openAgentJournal({
    storage,
    clock,
    segmentBytes: { first: 65_536, max: 65_536 },
    policy,
  });
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
