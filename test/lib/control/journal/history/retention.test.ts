/** What goes and what stays, and that it goes a little at a time. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { partitionRequests } from "../../../../../lib/control/journal/history/indexPartitions.ts";
import type { ControlJournal } from "../../../../../lib/control/journal/journal.ts";
import {
  type Filling,
  fill,
  movePlaces,
  openJournal,
  wholeIndex,
} from "../../../../support/fixtures/filledJournal.ts";

const now = Date.UTC(2026, 0, 1);
const keep = { now, before: now - 100, requestsMax: 1_000_000, floor: now - 100 };
const success = () => ({ outcome: "success" as const, message: "pong" });

let dir: string;
let journal: ControlJournal;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "wsctl-retention-"));
  journal = openJournal(dir);
});
afterEach(() => {
  journal.close();
  rmSync(dir, { recursive: true });
});

const job = (ageMs: number, filling: Partial<Filling> = {}) =>
  fill(journal, { agents: ["a"], createdAt: now - ageMs, ending: success, ...filling });
const left = () => journal.jobs({ limit: 100 }).jobs.map(({ jobId }) => jobId);

/** To its end; how many requests each step has removed. */
function sweep(rule: Partial<typeof keep> = {}): number[] {
  wholeIndex(journal);
  const steps: number[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const step = journal.upkeep.pruneJobs({ ...keep, ...rule }, next);
    steps.push(step.requests);
    next = step.next;
  }
  return steps;
}

function count(table: string): number {
  const db = new DatabaseSync(join(dir, "index.db"));
  try {
    return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
  } finally {
    db.close();
  }
}

describe("retention", () => {
  test("retention: deletes old ended jobs and no open ones", () => {
    job(300);
    const open = job(200, { ending: () => undefined });
    job(102);
    const young = job(99);
    sweep();
    expect(left()).toEqual([young, open]);
  });

  test("retention: keeps a job that ended recently for the minimum time, however old it is", () => {
    const late = job(300, { endedAt: now - 50 });
    const young = job(1);
    sweep();
    expect(left()).toEqual([young, late]);
  });

  test("retention: keeps the newest requests up to the maximum, and all younger than the minimum age", () => {
    const jobs = [400, 300, 200, 50, 10].map((age) => job(age, { agents: ["a", "b"] }));
    sweep({ before: 0, requestsMax: 7 });
    expect(left()).toEqual(jobs.slice(2).reverse());
    sweep({ before: 0, requestsMax: 1 });
    expect(left()).toEqual(jobs.slice(3).reverse());
  });

  test("keeps a job whose signatures are still good, and one with an artifact", () => {
    const signed = job(300, { notAfter: new Date(now + 1).toISOString() });
    const withArtifact = job(200);
    job(150);
    const young = job(1);
    const [request] = journal.requests(withArtifact);
    const artifact = { artifactId: "x", name: "n", bytes: 1, sha256: "s", kind: "result" } as const;
    journal.artifacts.add({
      ...artifact,
      ...{ state: "ready", object: "o", isVerified: true, createdBy: "t", createdAt: 1 },
      requestId: request?.requestId ?? "",
    });
    sweep();
    expect(left()).toEqual([young, withArtifact, signed]);
    journal.artifacts.remove("x");
    sweep();
    expect(left()).toEqual([young, signed]);
  });

  test("takes a bounded number of requests a step, and hides a large job with the first", () => {
    const agents = Array.from({ length: 450 }, (_, index) => `a${index}`);
    const large = job(300, { agents, idempotency: { key: "k", fingerprint: "f" } });
    for (let age = 290; age > 140; age--) job(age);
    const young = job(1);
    wholeIndex(journal);
    const first = journal.upkeep.pruneJobs(keep, "");
    expect(first.requests).toBeLessThan(110);
    expect(journal.job(large)).toBeUndefined();
    expect(journal.jobByKey("k")).toBeUndefined();
    expect(left()).not.toContain(large);
    // Another process goes on; a key is nobody's in between.
    journal.close();
    journal = openJournal(dir);
    job(1, { idempotency: { key: "k", fingerprint: "g" } });
    const steps = sweep();
    expect(Math.max(...steps)).toBeLessThan(110);
    expect(steps.reduce((sum, each) => sum + each, first.requests)).toBe(600);
    expect(left()).toHaveLength(2);
    expect(left()).toContain(young);
    expect(journal.jobs({ limit: 10, search: "pong" }).jobs).toHaveLength(2);
  });

  test("leaves nothing of a job behind in any table, and numbers go on", () => {
    for (let age = 300; age > 200; age--) job(age);
    const newest = job(150);
    const last = journal.outcomes(newest, 0, 1)[0]?.sequence ?? 0;
    sweep();
    expect(left()).toEqual([newest]);
    journal.close();
    for (const table of ["jobs", "requests", "job_outcomes"]) expect(count(table)).toBe(1);
    journal = openJournal(dir);
    const next = job(1);
    expect(journal.outcomes(next, 0, 1)[0]?.sequence).toBeGreaterThan(last);
    expect(journal.jobs({ limit: 10, agentId: "a" }).jobs).toHaveLength(2);
  });

  test("removes a part of the index once nothing is left of it, and the newest never", () => {
    for (let age = 300; age > 200; age--) job(age);
    journal.close();
    movePlaces(join(dir, "index.db"), partitionRequests - 90);
    journal = openJournal(dir);
    const open = job(150, { ending: () => undefined });
    wholeIndex(journal);
    // Part 0 was made for 89 requests, part 1 for the others.
    expect(journal.upkeep.shrinkHistory()).toBe(false);
    sweep();
    expect(left()).toEqual([open]);
    for (const filter of [{ search: "pong" }, { agentId: "a", status: "success" } as const]) {
      expect(journal.jobs({ limit: 10, ...filter })).toEqual({ jobs: [] });
    }
    // Another process goes on, here behind the pages of one table and the table itself.
    for (let steps = 0; steps < 2; steps++) expect(journal.upkeep.shrinkHistory()).toBe(true);
    journal.close();
    journal = openJournal(dir);
    expect(journal.jobs({ limit: 10, search: "pong" })).toEqual({ jobs: [] });
    expect(journal.jobs({ limit: 10, agentId: "a" }).jobs).toHaveLength(1);
    for (let steps = 0; steps < 3; steps++) expect(journal.upkeep.shrinkHistory()).toBe(true);
    expect(journal.upkeep.shrinkHistory()).toBe(false);
    journal.close();
    expect(count("index_partitions WHERE part = 1")).toBe(1);
    expect(count("index_partitions")).toBe(1);
    expect(count("sqlite_schema WHERE name LIKE '%_0%'")).toBe(0);
    journal = openJournal(dir);
    const next = job(1);
    expect(journal.jobs({ limit: 10, search: "pong" }).jobs.map(({ jobId }) => jobId)).toEqual([
      next,
    ]);
    expect(journal.jobs({ limit: 10, agentId: "a" }).jobs).toHaveLength(2);
  });

  test("retention: a list skips pruned requests at once and finds the remaining ones among them", () => {
    const old = job(300, { notAfter: new Date(now + 1).toISOString() });
    for (let age = 299; age > 101; age--) job(age);
    const young = job(1);
    sweep();
    expect(left()).toEqual([young, old]);
    for (const filter of [{ search: "pong" }, { search: "pong", agentId: "a" }, { agentId: "a" }]) {
      const first = journal.jobs({ limit: 1, ...filter });
      expect(first.jobs.map(({ jobId }) => jobId)).toEqual([young]);
      const second = journal.jobs({ limit: 1, ...filter, before: first.next ?? "" });
      expect(second.jobs.map(({ jobId }) => jobId)).toEqual([old]);
      expect(second.next).toBeUndefined();
    }
  });

  test("retention: sequence numbers continue after all ended requests were deleted", () => {
    const old = job(300);
    const last = journal.outcomes(old, 0, 1)[0]?.sequence ?? 0;
    const open = job(1, { ending: () => undefined });
    sweep();
    expect(left()).toEqual([open]);
    const next = job(1);
    expect(journal.outcomes(next, 0, 1)[0]?.sequence).toBeGreaterThan(last);
    expect(journal.jobs({ limit: 10, status: "success" }).jobs).toHaveLength(1);
  });
});
