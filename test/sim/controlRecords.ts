/** What the log of the control plane says, in maps: the place of the index in a world. */
import type {
  AgentRecord,
  ControlWrite,
  OpenRequest,
  StoredJob,
  StoredOutcome,
} from "../../lib/control/core/model.ts";
import { isRollout } from "../../lib/control/core/requests/rollouts.ts";

export interface Row {
  request: OpenRequest;
  outcome?: StoredOutcome;
}

export class ControlRecords {
  readonly jobs = new Map<string, StoredJob>();
  readonly rows = new Map<string, Row>();
  readonly byJob = new Map<string, Row[]>();
  readonly byKey = new Map<string, StoredJob>();
  readonly #open = new Set<Row>();
  readonly agents = new Map<string, AgentRecord>();
  #sequence = 0;
  /** Told when a request was written as sent, with all of its job's in their order. */
  onSent: (row: Row, rows: readonly Row[]) => void = () => {};
  /** Told of every outcome that is written. */
  onOutcome: (outcome: StoredOutcome) => void = () => {};

  outcomeOf(requestId: string): StoredOutcome | undefined {
    return this.rows.get(requestId)?.outcome;
  }

  openJournal() {
    const requests = [...this.#open].map(({ request }) => ({ ...request }));
    const ids = new Set(requests.map(({ jobId }) => jobId));
    const jobs = [...ids].map((id) => {
      const job = this.jobs.get(id) as StoredJob;
      return isRollout(job) ? { ...job, all: this.#standings(id) } : job;
    });
    return { jobs, requests };
  }

  #standings(jobId: string) {
    return (this.byJob.get(jobId) ?? []).map(({ request: { requestId }, outcome }) => {
      return { requestId, outcome: outcome?.outcome, endedAt: outcome?.endedAt };
    });
  }

  /** A request has one outcome, so a second one is refused before it is written. */
  assertOpen(writes: ControlWrite[]): void {
    for (const write of writes) {
      if (write.type === "putOutcome" && this.outcomeOf(write.outcome.requestId) !== undefined) {
        throw new Error(`request ${write.outcome.requestId} has ended already`);
      }
    }
  }

  /** @param first the sequence of the first write */
  apply(writes: ControlWrite[], first: number): void {
    this.#sequence = first - 1;
    let accepted: string | undefined;
    for (const write of writes) {
      // What of a job ends as it is accepted is written behind it, with what that has let go.
      this.#sequence++;
      const isOfAccepted = write.type === "putOutcome" && write.outcome.jobId === accepted;
      if (!isOfAccepted) this.#tellSent(accepted);
      if (write.type === "putJob") accepted = write.job.jobId;
      else if (!isOfAccepted) accepted = undefined;
      this.#write(write);
    }
    this.#tellSent(accepted);
  }

  /** One after the other, in their order: of what came behind nothing had ended yet. */
  #tellSent(accepted: string | undefined): void {
    const rows = accepted === undefined ? [] : (this.byJob.get(accepted) ?? []);
    for (const [place, row] of rows.entries()) {
      if (row.request.state !== "sent") continue;
      // On a slow disk, what ended later may be in the same batch.
      const { sentAt = 0 } = row.request;
      const isBefore = ({ outcome }: Row) => outcome === undefined || outcome.endedAt <= sentAt;
      const then = rows.map((each, at) =>
        at < place && isBefore(each) ? each : { request: each.request },
      );
      this.onSent(then[place] ?? row, then);
    }
  }

  #write(write: ControlWrite): void {
    if (write.type === "putAgent") {
      this.agents.set(write.facts.agentId, write.facts);
    } else if (write.type === "putJob") {
      const { job, requests } = write;
      const stored: StoredJob = { ...job, total: requests.length, ended: 0, succeeded: 0 };
      this.jobs.set(job.jobId, stored);
      if (job.idempotency) this.byKey.set(job.idempotency.key, stored);
      const rows = requests.map((request) => ({ request: { ...request } }));
      this.byJob.set(job.jobId, rows);
      for (const row of rows) {
        this.rows.set(row.request.requestId, row);
        this.#open.add(row);
      }
    } else if (write.type === "markSent") {
      const row = this.rows.get(write.requestId);
      if (row === undefined || row.outcome !== undefined) return;
      const { sentAt, journalId } = write;
      row.request = { ...row.request, state: "sent", sentAt, ...(journalId ? { journalId } : {}) };
      this.onSent(row, this.byJob.get(row.request.jobId) ?? []);
    } else if (write.type === "markBatchStarted") {
      const row = this.rows.get(write.requestId);
      if (row !== undefined) row.request = { ...row.request, batchAt: write.at };
    } else if (write.type === "setPaused") {
      const job = this.jobs.get(write.jobId);
      if (job === undefined) return;
      if (write.at === undefined) delete job.pausedAt;
      else job.pausedAt = write.at;
    } else if (write.type === "markApproved") {
      const job = this.jobs.get(write.jobId);
      if (job !== undefined) job.approvedBy = write.by;
    } else if (write.type === "markCancelled") {
      const job = this.jobs.get(write.jobId);
      if (job !== undefined) job.cancelledAt ??= write.at;
    } else if (write.type === "putOutcome") this.#end(write);
  }

  #end({ outcome }: ControlWrite & { type: "putOutcome" }): void {
    const row = this.rows.get(outcome.requestId);
    const job = this.jobs.get(outcome.jobId);
    if (row === undefined || job === undefined) throw new Error("no such request");
    row.outcome = { ...outcome, sequence: this.#sequence };
    this.#open.delete(row);
    job.ended++;
    if (outcome.outcome === "success") job.succeeded++;
    this.onOutcome(row.outcome);
  }
}
