/** What a control plane continues with when it starts: open jobs and requests, and agents. */

import type { AgentRecord, OpenJournal, OpenRequest, RequestProgress } from "../core/model.ts";
import { isRollout } from "../core/requests/rollouts.ts";
import type { IndexReads } from "./index/currentIndex.ts";
import { type PackedId, packId, unpackId } from "./index/packId.ts";
import { type JobRow, type RequestRow, toJob, toRequest } from "./index/rows.ts";

export function readOpenJournal(db: IndexReads): OpenJournal {
  // Starts from the open jobs: without this order, SQLite scans the whole table at every start.
  const sql = `SELECT r.* FROM jobs AS j INDEXED BY jobs_open CROSS JOIN requests AS r
    INDEXED BY requests_by_job ON r.job_id = j.job_id AND r.sequence IS NULL
    WHERE j.ended < j.total ORDER BY r.rowid`;
  const requests = db
    .prepare<[], RequestRow>(sql)
    .all()
    .map((row) => toRequest(row) as OpenRequest);
  const job = db.prepare<[PackedId], JobRow>("SELECT * FROM jobs WHERE job_id = ?");
  const all = db.prepare<[PackedId], RequestRow>(
    "SELECT request_id, state, ended_at FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const jobs: OpenJournal["jobs"] = [];
  for (const jobId of new Set(requests.map((request) => request.jobId))) {
    const row = job.get(packId(jobId));
    if (row === undefined) throw new Error(`job ${jobId} is missing`);
    const found = toJob(row);
    jobs.push(isRollout(found) ? { ...found, all: all.all(row.job_id).map(toProgress) } : found);
  }
  return { jobs, requests };
}

function toProgress({ request_id, state, ended_at }: RequestRow): RequestProgress {
  const requestId = unpackId(request_id);
  if (state === "queued" || state === "sent") return { requestId };
  return { requestId, outcome: state, endedAt: ended_at ?? 0 };
}

export function readAgents(db: IndexReads): AgentRecord[] {
  const rows = db.prepare<[], { facts: string }>("SELECT facts FROM agents").all();
  return rows.map((row) => JSON.parse(row.facts) as AgentRecord);
}
