import { expect, spyOn, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Job } from "../../../../../lib/control/core/model.ts";
import { ThreadIndex } from "../../../../../lib/control/journal/feed/threadIndex.ts";
import { openJournal } from "../../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

const openIndex = (path: string) => new ThreadIndex(path);

function job(jobId: string): Job {
  return {
    ...{ jobId, command: "ping", target: { agents: ["a"] }, timeoutMs: 1_000, ttlMs: 1_000 },
    ...{ createdAt: 1_000, createdBy: "t" },
  };
}

test("a thread of the index that has ended is started again, and gets what it lacks", async () => {
  using dir = temporaryDir();
  const called = spyOn(Worker.prototype, "postMessage");
  const journal = openJournal(`${dir}`, { openIndex });
  const [thread] = called.mock.contexts as Worker[];
  journal.commitNow([{ type: "putJob", job: job("j1"), requests: [] }]);
  const ended = new Promise((resolve) => thread?.once("exit", resolve));
  await thread?.terminate();
  await ended;
  journal.commitNow([{ type: "putJob", job: job("j2"), requests: [] }]);
  expect(journal.jobs({ limit: 9 }).jobs.map(({ jobId }) => jobId)).toEqual(["j2", "j1"]);
  const threads = new Set(called.mock.contexts);
  expect(threads.size).toBe(2);
  called.mockRestore();
  journal.close();
});

test("a damaged index is rebuilt by its thread", () => {
  using dir = temporaryDir();
  const before = openJournal(`${dir}`, { openIndex });
  before.commitNow([{ type: "putJob", job: job("j1"), requests: [] }]);
  before.close();
  writeFileSync(join(`${dir}`, "index.db"), "x".repeat(8192));
  const after = openJournal(`${dir}`, { openIndex });
  expect(after.job("j1")?.command).toBe("ping");
  after.close();
});

test("steps of upkeep run on the thread, and return what they did", async () => {
  using dir = temporaryDir();
  const journal = openJournal(`${dir}`, { openIndex });
  const requests = [{ requestId: "r1", jobId: "j1", agentId: "a", state: "queued" as const }];
  journal.commitNow([{ type: "putJob", job: job("j1"), requests }]);
  expect(await journal.upkeepLater.indexHistory()).toBe(false);
  expect(journal.jobs({ limit: 9, agentId: "a" }).jobs).toHaveLength(1);
  expect(journal.upkeep.indexHistory()).toBe(false);
  const keep = { now: 1e12, before: 1e12, requestsMax: 10, floor: 1e12 };
  expect(await journal.upkeepLater.pruneJobs(keep, "")).toMatchObject({ jobs: 0 });
  journal.close();
});
