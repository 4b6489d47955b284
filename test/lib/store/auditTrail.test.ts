/** An audit trail that lets old records go: what is left can be checked, and what was done to it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditHead } from "../../../lib/protocol/api/audit.ts";
import { readAuditFile } from "../../../lib/store/auditFile.ts";
import { AuditTrail, auditMigration, auditStartMigration } from "../../../lib/store/auditTrail.ts";
import { Database } from "../../../lib/store/sqlite.ts";

const migrations = [auditMigration, auditStartMigration];

let dir: string;
let path: string;
let db: Database;
let trail: AuditTrail;
const open = () => {
  db = Database.open({ path, what: "a journal", applicationId: 1, migrations });
  trail = new AuditTrail(db);
};
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "wsctl-trail-"));
  path = join(dir, "journal.db");
  open();
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true });
});

/** Records one to so many, of the moments one to so many. */
const write = (from: number, to: number) => {
  for (let at = from; at <= to; at++) {
    trail.write({ action: "test.write", outcome: "accepted", resource: { number: at } }, at);
  }
};
const verdict = (anchor?: AuditHead) => trail.verify(anchor, async () => {});
const headAt = (sequence: number): AuditHead => ({
  sequence,
  hash: trail.list(sequence - 1, 1)[0]?.hash ?? "",
});
const alter = (sql: string) => {
  db.close();
  const raw = new DatabaseSync(path);
  raw.exec(sql);
  raw.close();
  open();
};
const prune = (before: number, now = 10_000) => {
  expect(trail.pruneStep(before, "test", now)).toBe(true);
  while (trail.prune());
};

describe("a trail that has let records go", () => {
  test("is whole from there on, and says so in a record of its own", async () => {
    write(1, 1_000);
    const gone = headAt(600);
    const kept = headAt(700);
    prune(601);
    expect(trail.list(0, 1)[0]?.record.sequence).toBe(601);
    expect(trail.list(1_000, 1)[0]?.record).toMatchObject({
      action: "audit.prune",
      resource: { last_sequence: 600, hash: gone.hash, records: 600, reason: "test" },
    });
    const head = headAt(1_001);
    expect(await verdict()).toEqual({ intact: true, head, start: gone });
    expect(await verdict(kept)).toMatchObject({ intact: true });
    expect(readAuditFile(path).verdict).toEqual({ intact: true, head, start: gone });
  });

  test("is whole in the middle of it as well, and does it again", async () => {
    write(1, 1_000);
    trail.pruneStep(601, "test", 1_000);
    trail.prune();
    expect(trail.start.sequence).toBe(200);
    expect(await verdict()).toMatchObject({ intact: true, start: { sequence: 200 } });
    alter("SELECT 1");
    while (trail.prune());
    expect(trail.start.sequence).toBe(600);
    write(1_001, 1_100);
    prune(901, 1_100);
    prune(1_050, 1_100);
    expect(await verdict()).toMatchObject({ intact: true, start: { sequence: 1_050 } });
  });

  test("says of a head from before that it cannot be compared, and compares the last one", async () => {
    write(1, 100);
    const old = headAt(20);
    const last = headAt(50);
    prune(51);
    expect(await verdict(old)).toMatchObject({ intact: true, anchor_too_old: true });
    expect(await verdict(last)).not.toHaveProperty("anchor_too_old");
    expect(await verdict({ ...last, hash: old.hash })).toMatchObject({
      intact: false,
      sequence: 51,
    });
  });

  test("shows a record that is changed or missing, wherever it is", async () => {
    write(1, 100);
    prune(51);
    for (const sequence of [51, 52, 80, 101]) {
      const row = `WHERE sequence = ${sequence}`;
      alter(`CREATE TABLE kept AS SELECT * FROM audit; DELETE FROM audit ${row}`);
      const isLast = sequence === 101;
      const missing = { intact: false, sequence: isLast ? 51 : sequence };
      expect(await verdict()).toMatchObject(missing);
      alter("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
      alter(`CREATE TABLE kept AS SELECT * FROM audit;
        UPDATE audit SET record = replace(record, 'accepted', 'refused') ${row}`);
      expect(await verdict()).toMatchObject({ intact: false, sequence });
      alter("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
    }
    expect(await verdict()).toMatchObject({ intact: true });
  });

  test("shows that more was taken away than it says, or that it says nothing", async () => {
    write(1, 100);
    const seventy = headAt(70);
    prune(51);
    const cutAt70 = `DELETE FROM audit WHERE sequence <= 70;
      UPDATE audit_start SET sequence = 70, through = 70, hash = '${seventy.hash}'`;
    alter(cutAt70);
    const reason = expect.stringContaining("no entry records that they were pruned");
    expect(await verdict()).toEqual({ intact: false, sequence: 71, reason });
    expect(readAuditFile(path).verdict).toMatchObject({ intact: false, sequence: 71 });
    alter("UPDATE audit_start SET sequence = 0, through = 0, hash = '0'");
    expect(await verdict()).toMatchObject({ intact: false, sequence: 1 });
  });

  test("lets none go where none is old enough", () => {
    write(1, 10);
    expect(trail.isOlderThan(1)).toBe(false);
    expect(trail.pruneStep(1, "test", 10_000)).toBe(false);
    expect(trail.isOlderThan(2)).toBe(true);
    expect(trail.head.sequence).toBe(10);
  });

  test("is not called broken when records go while it is read", async () => {
    write(1, 3_000);
    trail.pruneStep(2_501, "test", 10_000);
    const breathe = async () => {
      while (trail.prune());
    };
    expect(await trail.verify(undefined, breathe)).toMatchObject({ intact: true });
  });
});
