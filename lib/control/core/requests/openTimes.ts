/**
 * The times of what is open, kept while the journal cannot be written. What is read from it again
 * has the clock of when it was written, and the clock may have been set since then.
 */
import type { OpenJournal, OpenRequest } from "../model.ts";
import type { RequestQueries } from "./requestTable.ts";

type RequestTimes = Pick<OpenRequest, "sentAt" | "batchAt">;

export class OpenTimes {
  /** When each open job was created, in milliseconds since 1970. */
  readonly #jobs = new Map<string, number>();
  readonly #requests = new Map<string, RequestTimes>();

  constructor(open: Pick<RequestQueries, "jobs" | "all">) {
    for (const { jobId, createdAt } of open.jobs()) this.#jobs.set(jobId, createdAt);
    for (const { requestId, sentAt, batchAt } of open.all()) {
      this.#requests.set(requestId, {
        ...optional("sentAt", sentAt),
        ...optional("batchAt", batchAt),
      });
    }
  }

  /** Moves all times by a number of milliseconds, because the clock was set. */
  shift(byMs: number): void {
    for (const [jobId, createdAt] of this.#jobs) this.#jobs.set(jobId, createdAt + byMs);
    for (const times of this.#requests.values()) {
      if (times.sentAt !== undefined) times.sentAt += byMs;
      if (times.batchAt !== undefined) times.batchAt += byMs;
    }
  }

  /** Returns what was read, with these times. Whether something has a time is for the journal. */
  applyTo({ jobs, requests }: OpenJournal): OpenJournal {
    return {
      jobs: jobs.map((job) => ({ ...job, createdAt: this.#jobs.get(job.jobId) ?? job.createdAt })),
      requests: requests.map((request) => {
        const { sentAt, batchAt } = this.#requests.get(request.requestId) ?? {};
        return {
          ...request,
          ...(request.sentAt === undefined ? {} : optional("sentAt", sentAt)),
          ...(request.batchAt === undefined ? {} : optional("batchAt", batchAt)),
        };
      }),
    };
  }
}

function optional<K extends keyof RequestTimes>(key: K, time: number | undefined): RequestTimes {
  return time === undefined ? {} : { [key]: time };
}
