import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  ControlWrite,
  Job,
  OpenRequest,
  Outcome,
} from "../../../../../lib/control/core/model.ts";
import { ThreadIndex } from "../../../../../lib/control/journal/feed/threadIndex.ts";
import type { ControlJournal } from "../../../../../lib/control/journal/journal.ts";
import { removeDatabase } from "../../../../../lib/store/databaseFile.ts";
import { openJournal } from "../../../../support/fixtures/filledJournal.ts";

const openIndex = (path: string) => new ThreadIndex(path);
const jobs = 5_000;
const id = (number: number) => `j${String(number).padStart(5, "0")}`;

function job(number: number): Job {
  return {
    ...{ jobId: id(number), command: "ping", target: { agents: ["a"] }, timeoutMs: 1_000 },
    ...{ ttlMs: 1_000, createdAt: number, createdBy: "t" },
    idempotency: { key: `t:${number}`, fingerprint: "f" },
  };
}

const request = (number: number): OpenRequest => ({
  ...{ requestId: `r${number}`, jobId: id(number), agentId: "a", state: "sent" },
  ...{ sentAt: number, journalId: "n" },
});

const outcome = (number: number): Outcome => ({
  ...{ requestId: `r${number}`, jobId: id(number), agentId: "a", outcome: "success" },
  ...{ endedAt: number + 1, durationMs: 1 },
});

function writesOf(number: number, hasEnded: boolean): ControlWrite[] {
  const asked: ControlWrite = { type: "putJob", job: job(number), requests: [request(number)] };
  return hasEnded ? [asked, { type: "putOutcome", outcome: outcome(number) }] : [asked];
}

describe("an index that is rebuilt while the journal is in use", () => {
  let dir: string;
  let journal: ControlJournal;

  /** Jobs of which one in a hundred is open, without their index. */
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "wsctl-rebuild-"));
    const before = openJournal(dir);
    const token = {
      tokenId: "k",
      hash: new Uint8Array(32),
      role: "viewer",
      state: "active",
    } as const;
    before.tokens.add({ ...token, createdAt: 1, createdBy: "local" });
    const numbers = Array.from({ length: jobs }, (_, number) => number);
    for (let at = 0; at < jobs; at += 50) {
      const some = numbers.slice(at, at + 50);
      before.commitNow(some.flatMap((number) => writesOf(number, number % 100 !== 7)));
    }
    before.close();
    removeDatabase(join(dir, "index.db"));
    journal = openJournal(dir, { openIndex, laterAfterEntries: 0 });
  }, 60_000);
  afterEach(() => {
    journal.close();
    rmSync(dir, { recursive: true });
  });

  test("has at once what holds now, and says what it lacks", () => {
    expect(journal.rebuild?.isRunning).toBe(true);
    expect(journal.tokens.get("k")).toMatchObject({ role: "viewer" });
    expect(journal.open().jobs).toHaveLength(jobs / 100);
    expect(journal.job(id(7))).toMatchObject({ total: 1, ended: 0 });
    expect(journal.job(id(8))).toBeUndefined();
    expect(journal.jobs({ limit: 200 }).jobs.length).toBeGreaterThanOrEqual(jobs / 100);
    expect(journal.jobs({ limit: 1 }).indexProgress).toBe(0);
    expect(() => journal.findAgent("r8")).toThrow("the index is being rebuilt, 0% is done");
    expect(journal.findAgent("r7")).toBe("a");
    // A key that was used may not create a second job; one that was not used may.
    expect(() => journal.jobByKey("t:8")).toThrow("Cannot find the job with this Idempotency-Key");
    expect(journal.jobByKey("t:7")).toMatchObject({ jobId: id(7) });
    expect(journal.jobByKey("t:new")).toBeUndefined();
    expect(journal.oldestJobAt).toBe(0);
  });

  test("is complete in the end, with what was recorded meanwhile", async () => {
    journal.commitNow(writesOf(jobs, true));
    journal.commitNow([{ type: "putOutcome", outcome: outcome(7) }]);
    await journal.rebuild?.complete;
    expect(journal.rebuild?.isRunning).toBe(false);
    journal.commitNow(writesOf(jobs + 1, true));
    expect(journal.job(id(8))).toMatchObject({ total: 1, ended: 1, succeeded: 1 });
    expect(journal.job(id(7))).toMatchObject({ ended: 1 });
    expect(journal.jobByKey("t:8")).toMatchObject({ jobId: id(8) });
    const { jobs: newest, indexProgress } = journal.jobs({ limit: 3 });
    expect(newest.map(({ jobId }) => jobId)).toEqual([id(jobs + 1), id(jobs), id(jobs - 1)]);
    expect(indexProgress).toBeUndefined();
    expect(journal.jobs({ limit: 10_000 }).jobs).toHaveLength(jobs + 2);
    expect(readdirSync(dir).filter((name) => /partial|new/.test(name))).toEqual([]);
    journal.close();
    journal = openJournal(dir, { openIndex, laterAfterEntries: 0 });
    expect(journal.rebuild).toBeUndefined();
    expect(journal.open().jobs).toHaveLength(jobs / 100 - 1);
  });

  test("begins again after a stop in the middle", async () => {
    journal.close();
    expect(existsSync(join(dir, "index.db"))).toBe(false);
    journal = openJournal(dir, { openIndex, laterAfterEntries: 0 });
    expect(journal.rebuild?.isRunning).toBe(true);
    await journal.rebuild?.complete;
    expect(journal.jobs({ limit: 10_000 }).jobs).toHaveLength(jobs);
  });
});
