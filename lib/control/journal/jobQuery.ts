/** A query of jobs and a page of its result. */
import type { JobStatus } from "../../protocol/api/views.ts";
import type { StoredJob } from "../core/model.ts";

/**
 * The filters of a list of jobs, and where it continues. Filters by agent, status and words must
 * all match the same request of the job.
 */
export interface JobsQuery {
  limit: number;
  /** The id of a job; only older jobs are listed. The job itself need not exist. */
  before?: string;
  /** Only jobs that this token created, and only those of tokens with this name. */
  createdBy?: string;
  createdByName?: string;
  /** Only jobs of this schedule. */
  schedule?: string;
  command?: string;
  agentId?: string;
  status?: JobStatus;
  /** Only jobs created since this time, in milliseconds since 1970. */
  since?: number;
  /** Words that must all occur in a request's message or code. */
  search?: string;
}

/** Newest first. */
export interface JobPage {
  jobs: StoredJob[];
  /** Where the list continues; absent at its end. A page may have fewer jobs than the limit. */
  next?: string;
  /** The part of the log that is in the index, if it is being rebuilt: older jobs may be missing. */
  indexProgress?: number;
}
