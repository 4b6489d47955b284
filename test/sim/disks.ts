/**
 * Virtual disks: what survives a process. A commit is written and then synced; it may find the disk
 * full, and the process may die right before it, right after it, when nobody has been told, or
 * between the two with the power gone: then the tail that was not synced is lost.
 */
import type {
  AgentRecord,
  ControlWrite,
  OpenRequest,
  StoredJob,
  StoredOutcome,
  StoredRequest,
} from "../../lib/control/core/model.ts";
import { isRollout } from "../../lib/control/core/requests/rollouts.ts";
import type { ControlJournal } from "../../lib/control/journal/journal.ts";

/** What happens to a disk, or to its process while it writes. */
export class DiskFaults {
  isFull = false;
  /** Armed by the world: the next commit dies before or after it is made. */
  crash: "before" | "unsynced" | "after" | undefined;
  /** Written and not yet synced: lost when the power goes. */
  #tail: (() => void)[] = [];
  onCrash: () => void = () => {}; // Ends the process; set by the world.
  isAlive = () => true; // False for the dead: what they still do reaches no disk.

  /** Makes a commit under these faults, or throws. */
  commit(apply: () => void): void {
    if (!this.isAlive()) throw new Error("the process is dead");
    const { crash } = this;
    this.crash = undefined;
    if (crash === "before") return this.#die();
    if (this.isFull) throw new Error("database or disk is full");
    this.#tail.push(apply);
    if (crash === "unsynced") this.#tail = [];
    else this.#sync();
    if (crash === "unsynced") this.#die();
    if (crash === "after") this.#die();
  }

  #sync(): void {
    const tail = this.#tail;
    this.#tail = [];
    for (const apply of tail) apply();
  }

  #die(): never {
    this.onCrash();
    throw new Error("the process has died");
  }
}

export interface Row {
  request: OpenRequest;
  outcome?: StoredOutcome;
}

/** The control plane's journal with the meaning of the one in SQLite. */
export class ControlDisk {
  readonly faults = new DiskFaults();
  readonly jobs = new Map<string, StoredJob>();
  readonly rows = new Map<string, Row>();
  readonly #byJob = new Map<string, Row[]>();
  readonly #byKey = new Map<string, StoredJob>();
  readonly #open = new Set<Row>();
  readonly #agents = new Map<string, AgentRecord>();
  readonly #capabilities = new Map<string, string>();
  #sequence = 0;
  #sequences = new Map<string, number>();
  /** Told when a request was written as sent, with all of its job's in their order. */
  onSent: (row: Row, rows: readonly Row[]) => void = () => {};
  /** Told of every outcome that is written. */
  onOutcome: (outcome: StoredOutcome) => void = () => {};

  outcomeOf(requestId: string): StoredOutcome | undefined {
    return this.rows.get(requestId)?.outcome;
  }

  journal(): ControlJournal {
    return {
      commit: (writes) => {
        this.#sequences = new Map();
        this.faults.commit(() => this.#apply(writes));
        return { sequences: this.#sequences };
      },
      probe: () => this.faults.commit(() => {}),
      look: () => {},
      open: () => this.#openJournal(),
      agents: () => [...this.#agents.values()],
      job: (jobId) => this.jobs.get(jobId),
      jobByKey: (key) => this.#byKey.get(key),
      jobs: () => ({ jobs: [...this.jobs.values()] }),
      indexHistory: () => false,
      mergeHistory: () => false,
      requests: (jobId) =>
        (this.#byJob.get(jobId) ?? []).map((row) => ({ ...row.request }) as StoredRequest),
      fullRequests: (jobId) =>
        (this.#byJob.get(jobId) ?? []).map((row) => ({ ...row.request }) as StoredRequest),
      findAgent: (requestId) => this.rows.get(requestId)?.request.agentId,
      outcomes: (jobId, after) =>
        (this.#byJob.get(jobId) ?? [])
          .flatMap(({ outcome }) => (outcome && outcome.sequence > after ? [outcome] : []))
          .sort((a, b) => a.sequence - b.sequence),
      findJobId: (requestId) => this.rows.get(requestId)?.request.jobId,
      controlId: "simulated",
      get retention(): never {
        throw new Error("retention is not simulated");
      },
      get audit(): never {
        throw new Error("the audit trail is not simulated");
      },
      get tokens(): never {
        throw new Error("tokens are not simulated");
      },
      capabilities: () => [...this.#capabilities].map(([digest, text]) => ({ digest, text })),
      addCapabilities: (digest, text) => void this.#capabilities.set(digest, text),
      removeCapabilities: (digest) => void this.#capabilities.delete(digest),
      get metrics(): never {
        throw new Error("figures are not simulated");
      },
      get schedules(): never {
        throw new Error("schedules are not simulated");
      },
      get releases(): never {
        throw new Error("releases are not simulated");
      },
      get artifacts(): never {
        throw new Error("artifacts are not simulated");
      },
      close: () => {},
    };
  }

  #openJournal() {
    const requests = [...this.#open].map(({ request }) => ({ ...request }));
    const ids = new Set(requests.map(({ jobId }) => jobId));
    const jobs = [...ids].map((id) => {
      const job = this.jobs.get(id) as StoredJob;
      return isRollout(job) ? { ...job, all: this.#standings(id) } : job;
    });
    return { jobs, requests };
  }

  #standings(jobId: string) {
    return (this.#byJob.get(jobId) ?? []).map(({ request: { requestId }, outcome }) => {
      return { requestId, outcome: outcome?.outcome, endedAt: outcome?.endedAt };
    });
  }

  #apply(writes: ControlWrite[]): void {
    // Judged before anything is changed, as a transaction would be rolled back.
    for (const write of writes) {
      if (write.type === "putOutcome" && this.outcomeOf(write.outcome.requestId) !== undefined) {
        throw new Error(`request ${write.outcome.requestId} has ended already`);
      }
    }
    let accepted: string | undefined;
    for (const write of writes) {
      // What of a job ends as it is accepted is written behind it, with what that has let go.
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
    const rows = accepted === undefined ? [] : (this.#byJob.get(accepted) ?? []);
    for (const [place, row] of rows.entries()) {
      if (row.request.state !== "sent") continue;
      const then = rows.map((each, at) => (at < place ? each : { request: each.request }));
      this.onSent(then[place] ?? row, then);
    }
  }

  #write(write: ControlWrite): void {
    if (write.type === "putAgent") {
      this.#agents.set(write.facts.agentId, write.facts);
    } else if (write.type === "putJob") {
      const { job, requests } = write;
      const stored: StoredJob = { ...job, total: requests.length, ended: 0, succeeded: 0 };
      this.jobs.set(job.jobId, stored);
      if (job.idempotency) this.#byKey.set(job.idempotency.key, stored);
      const rows = requests.map((request) => ({ request: { ...request } }));
      this.#byJob.set(job.jobId, rows);
      for (const row of rows) {
        this.rows.set(row.request.requestId, row);
        this.#open.add(row);
      }
    } else if (write.type === "markSent") {
      const row = this.rows.get(write.requestId);
      if (row === undefined || row.outcome !== undefined) return;
      const { sentAt, journalId } = write;
      row.request = { ...row.request, state: "sent", sentAt, ...(journalId ? { journalId } : {}) };
      this.onSent(row, this.#byJob.get(row.request.jobId) ?? []);
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
    row.outcome = { ...outcome, sequence: ++this.#sequence };
    this.#sequences.set(outcome.requestId, this.#sequence);
    this.#open.delete(row);
    job.ended++;
    if (outcome.outcome === "success") job.succeeded++;
    this.onOutcome(row.outcome);
  }
}
