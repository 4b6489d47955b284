/** Jobs, requests and outcomes written straight through a control plane's journal. */
import { DatabaseSync } from "node:sqlite";
import { v7 as newId } from "uuid";
import type { ControlWrite, Job, OpenRequest, Outcome } from "../../lib/control/core/model.ts";
import type { ControlJournal } from "../../lib/control/journal/journal.ts";
import type { OutcomeKind } from "../../lib/protocol/api/views.ts";

export interface Filling {
  command?: string;
  agents: readonly string[];
  createdBy?: string;
  createdAt: number;
  /** By the place in `agents`; undefined where a request stays open. */
  ending?: (index: number) => { outcome: OutcomeKind; code?: string; message?: string } | undefined;
  /** Where it is not right after it began. */
  endedAt?: number;
  notAfter?: string;
  idempotency?: Job["idempotency"];
}

/** The writes of one job, in two parts as they happen: what is asked, and how it ends. */
export function writesOf(filling: Filling): { asked: ControlWrite[]; ended: ControlWrite[] } {
  const { command = "ping", agents, createdBy = "t1", createdAt, notAfter, idempotency } = filling;
  const { endedAt = createdAt + 1 } = filling;
  const job: Job = {
    jobId: newId(),
    command,
    target: { agents: agents.slice(0, 100) },
    timeoutMs: 30_000,
    ttlMs: 3_600_000,
    createdAt,
    createdBy,
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(idempotency === undefined ? {} : { idempotency }),
  };
  const requests = agents.map((agentId): OpenRequest => {
    const of = { requestId: newId(), jobId: job.jobId, agentId };
    return { ...of, state: "sent", sentAt: createdAt, journalId: "0198-journal" };
  });
  const ended = requests.flatMap((request, index): ControlWrite[] => {
    const ending = filling.ending?.(index);
    if (ending === undefined) return [];
    const { requestId, jobId, agentId } = request;
    const times = { endedAt, durationMs: endedAt - createdAt };
    const outcome: Outcome = { requestId, jobId, agentId, ...ending, ...times };
    return [{ type: "ended", outcome }];
  });
  return { asked: [{ type: "job", job, requests }], ended };
}

/** In one commit; the id of the job. */
export function fill(journal: ControlJournal, filling: Filling): string {
  const { asked, ended } = writesOf(filling);
  journal.commit([...asked, ...ended]);
  const [first] = asked;
  return first?.type === "job" ? first.job.jobId : "";
}

export const wholeIndex = (journal: ControlJournal) => {
  while (journal.indexHistory() || journal.mergeHistory());
};

/** As if so many requests had been there and gone before; for a journal that nobody has open. */
export function movePlaces(path: string, by: number): void {
  const db = new DatabaseSync(path);
  db.exec(`UPDATE requests SET rowid = -rowid; UPDATE requests SET rowid = ${by} - rowid`);
  db.close();
}
