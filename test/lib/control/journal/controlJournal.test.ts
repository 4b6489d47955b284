import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job, OpenRequest, Outcome, StoredJob } from "../../../../lib/control/core/model.ts";
import type { IndexOpener } from "../../../../lib/control/journal/feed/journalIndex.ts";
import { ThreadIndex } from "../../../../lib/control/journal/feed/threadIndex.ts";
import type { ControlJournal } from "../../../../lib/control/journal/journal.ts";
import type { StoredToken } from "../../../../lib/control/journal/tables/tokenTable.ts";
import { isMarkedDamaged, markDamaged } from "../../../../lib/store/databaseFile.ts";
import { openJournal } from "../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const job: Job = {
  jobId: "j1",
  command: "restart",
  parameters: { delay_seconds: 3 },
  target: { agents: ["a", "b"] },
  timeoutMs: 30_000,
  ttlMs: 60_000,
  createdAt: 1_000,
  createdBy: "t1",
  idempotency: { key: "t1:k", fingerprint: "f" },
};
const requests: OpenRequest[] = [
  { requestId: "r1", jobId: "j1", agentId: "a", state: "sent", sentAt: 1_000, journalId: "n" },
  { requestId: "r2", jobId: "j1", agentId: "b", state: "queued" },
];
const outcome: Outcome = {
  requestId: "r1",
  jobId: "j1",
  agentId: "a",
  outcome: "success",
  message: "done",
  result: { pid: 7 },
  endedAt: 2_000,
  durationMs: 1_000,
};

/** The index is written on this thread, or on one of its own. */
const indexes: [string, { openIndex?: IndexOpener }][] = [
  ["whose index this thread writes", {}],
  ["whose index another thread writes", { openIndex: (path) => new ThreadIndex(path) }],
];

describe.each(indexes)("the journal of a control plane, %s", (_, on) => {
  let dir: string;
  let journal: ControlJournal;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "wsctl-journal-"));
    journal = openJournal(dir, on);
  });
  afterEach(() => {
    journal.close();
    rmSync(dir, { recursive: true });
  });
  const reopen = () => {
    journal.close();
    journal = openJournal(dir, on);
  };

  test("gives back what is open, as it was written, to the next process", () => {
    journal.commitNow([{ type: "putJob", job, requests }]);
    reopen();
    const { jobs, requests: open } = journal.open();
    expect(jobs as StoredJob[]).toEqual([{ ...job, total: 2, ended: 0, succeeded: 0 }]);
    expect(open).toEqual(requests);
  });

  test("counts outcomes, keeps their order, and takes each once", () => {
    journal.commitNow([{ type: "putJob", job, requests }]);
    const second: Outcome = { ...outcome, requestId: "r2", agentId: "b", outcome: "failed" };
    journal.commitNow([
      { type: "putOutcome", outcome: second },
      { type: "putOutcome", outcome },
    ]);
    expect(journal.job("j1")).toMatchObject({ total: 2, ended: 2, succeeded: 1 });
    expect(journal.outcomes("j1", 0, 10)).toMatchObject([
      { requestId: "r2", outcome: "failed", sequence: 3 },
      { ...outcome, sequence: 4 },
    ]);
    expect(journal.outcomes("j1", 3, 10)).toHaveLength(1);
    expect(journal.open()).toEqual({ jobs: [], requests: [] });
    expect(() => journal.commitNow([{ type: "putOutcome", outcome }])).toThrow("has ended");
    expect(journal.job("j1")).toMatchObject({ ended: 2 });
  });

  test("makes all writes of a commit, or none", () => {
    const broken = { ...outcome, requestId: "nobody" };
    expect(() =>
      journal.commitNow([
        { type: "putJob", job, requests },
        { type: "putOutcome", outcome: broken },
      ]),
    ).toThrow("does not exist");
    expect(journal.job("j1")).toBeUndefined();
  });

  test("journal: stores when a request was sent and to which agent", () => {
    journal.commitNow([{ type: "putJob", job, requests }]);
    journal.commitNow([{ type: "markSent", requestId: "r2", sentAt: 1_500, journalId: undefined }]);
    expect(journal.open().requests[1]).toMatchObject({ state: "sent", sentAt: 1_500 });
    expect(journal.findAgent("r2")).toBe("b");
    expect(journal.findAgent("r9")).toBeUndefined();
  });

  test("finds a job by its key, and lists jobs from the newest on", () => {
    for (const id of ["j1", "j2", "j3"]) {
      const { idempotency, ...plain } = job;
      const keyed = id === "j2" ? { ...plain, idempotency: { key: "k", fingerprint: "f" } } : plain;
      journal.commitNow([{ type: "putJob", job: { ...keyed, jobId: id }, requests: [] }]);
    }
    expect(journal.jobByKey("k")?.jobId).toBe("j2");
    expect(journal.jobs({ limit: 2 }).jobs.map(({ jobId }) => jobId)).toEqual(["j3", "j2"]);
    expect(journal.jobs({ limit: 2, before: "j2" }).jobs.map(({ jobId }) => jobId)).toEqual(["j1"]);
  });

  test("keeps agents' facts and tokens, the first revocation's time for good", () => {
    journal.commitNow([{ type: "putAgent", facts: { agentId: "a", hostname: "h" } }]);
    journal.commitNow([{ type: "putAgent", facts: { agentId: "a", hostname: "i" } }]);
    const hash = new Uint8Array([1, 2, 3]);
    const token = { tokenId: "t", hash, role: "agent", agentId: "a", state: "active" } as const;
    journal.tokens.add({ ...token, createdAt: 1, createdBy: "local" });
    expect(journal.tokens.revoke("t", 5)).toBe(true);
    expect(journal.tokens.revoke("t", 9)).toBe(true);
    expect(journal.tokens.revoke("u", 9)).toBe(false);
    reopen();
    expect(journal.agents()).toEqual([{ agentId: "a", hostname: "i" }]);
    expect(journal.tokens.get("t")).toMatchObject({ agentId: "a", revokedAt: 5 });
    expect([...(journal.tokens.get("t")?.hash ?? [])]).toEqual([1, 2, 3]);
  });
});

describe.each(indexes)("an index that cannot be written for a while, of a journal %s", (_, on) => {
  const fileNames = ["index.db", "index.db-wal", "index.db-shm"];
  const move = (from: string, to: string) => {
    for (const name of fileNames)
      if (existsSync(join(from, name))) renameSync(join(from, name), join(to, name));
  };

  test("gets everything that the log has, in the order of the log, before it is read again", () => {
    using dir = temporaryDir();
    using guard = temporaryDir();
    const policy = { isInline: false, measured: () => {} };

    const journal = openJournal(`${dir}`, { ...on, policy });
    let second: unknown;
    journal.commit([{ type: "putJob", job, requests }], () => {
      // The second job is being written while the index cannot take the first one.
      const other = { ...job, jobId: "j2", idempotency: { key: "t1:k2", fingerprint: "f" } };
      const otherRequests = requests.map((one) => {
        return { ...one, jobId: "j2", requestId: `${one.requestId}-2` };
      });
      second = journal.commit([{ type: "putJob", job: other, requests: otherRequests }], () => {});
      move(`${dir}`, `${guard}`);
      expect(() => journal.job("j1")).toThrow("the file was removed, moved or replaced");
      expect(() => journal.jobByKey("t1:k")).toThrow("Cannot write the index of the log");
      expect(() => journal.jobs({ limit: 10 })).toThrow("Cannot write the index of the log");
      expect(journal.jobByKey("another")).toBeUndefined();
      expect(() => journal.commitNow([{ type: "putOutcome", outcome }])).toThrow("index");
    });
    journal.settle();
    expect(second).toBeUndefined();
    move(`${guard}`, `${dir}`);
    expect(journal.jobByKey("t1:k")).toMatchObject({ jobId: "j1", total: 2 });
    expect(journal.jobByKey("t1:k2")).toMatchObject({ jobId: "j2" });
    journal.commitNow([{ type: "putOutcome", outcome }]);
    journal.close();
    const reopened = openJournal(`${dir}`, on);
    expect(reopened.job("j1")).toMatchObject({ ended: 1 });
    expect(reopened.job("j2")).toMatchObject({ ended: 0 });
    reopened.close();
  });

  test("is not read for a token that it lacks", () => {
    using dir = temporaryDir();
    using guard = temporaryDir();
    const journal = openJournal(`${dir}`, on);
    const hash = new Uint8Array(32);
    const token = {
      tokenId: "t",
      role: "viewer",
      hash,
      state: "active",
      createdAt: 1,
      createdBy: "t",
    };
    move(`${dir}`, `${guard}`);
    expect(journal.tokens.all()).toEqual([]);
    journal.tokens.add(token as StoredToken);
    expect(() => journal.tokens.get("t")).toThrow("Cannot write the index of the log");
    move(`${guard}`, `${dir}`);
    expect(journal.tokens.get("t")).toMatchObject(token);
    journal.close();
  });

  test("is reported once", async () => {
    using dir = temporaryDir();
    using guard = temporaryDir();
    const reported = Promise.withResolvers<string>();
    const onFault = ({ message }: Error) => reported.resolve(message);
    const journal = openJournal(`${dir}`, { ...on, onFault });
    move(`${dir}`, `${guard}`);
    journal.commitNow([{ type: "putJob", job, requests }]);
    expect(await reported.promise).toContain("Cannot write the index of the log");
    move(`${guard}`, `${dir}`);
    journal.close();
  });
});

test("an index that was found damaged is made again at the next start", () => {
  using dir = temporaryDir();
  const indexPath = join(`${dir}`, "index.db");
  openJournal(`${dir}`).close();
  const { ino } = statSync(indexPath);
  openJournal(`${dir}`).close();
  expect(statSync(indexPath).ino).toBe(ino);
  const holder = join(`${dir}`, "holder");
  linkSync(indexPath, holder);
  markDamaged(indexPath);
  openJournal(`${dir}`).close();
  expect(statSync(indexPath).ino).not.toBe(ino);
  expect(isMarkedDamaged(indexPath)).toBeFalse();
});

test("damaged metrics are replaced by an empty file, and reported", () => {
  using dir = temporaryDir();
  writeFileSync(join(`${dir}`, "metrics.db"), "x".repeat(4096));
  const faults: string[] = [];
  const journal = openJournal(`${dir}`, { onFault: ({ message }) => void faults.push(message) });
  journal.close();
  expect(faults).toEqual([expect.stringContaining("replaced by an empty file")]);
});
