/** What a list of jobs is asked for, and a page of it. */
import type { JobStatus } from "../../protocol/api/views.ts";
import type { StoredJob } from "../core/model.ts";

/**
 * Which jobs are listed, and where the list goes on. What is asked of agent, status and words must
 * hold for one and the same request of the job.
 */
export interface JobsQuery {
  limit: number;
  /** The id of a job: those older than it, whether or not it is still there. */
  before?: string;
  /** Only those that this token asked for. */
  createdBy?: string;
  command?: string;
  agentId?: string;
  status?: JobStatus;
  /** Only those asked for since then, in milliseconds since 1970. */
  since?: number;
  /** Words that are all in a request's message or code. */
  search?: string;
}

/** The newest first. */
export interface JobPage {
  jobs: StoredJob[];
  /** Where the list goes on; absent at its end. There may be fewer jobs than the limit before it. */
  next?: string;
}
