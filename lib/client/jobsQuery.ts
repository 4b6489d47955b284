/** The filters and the position of a list of jobs, and of a list of artifacts. */
import type { JobStatus } from "../protocol/api/views.ts";

/** Filters by agent, status and words must all match the same request of a job. */
export interface JobsQuery {
  limit?: number;
  /** The `next_cursor` of the previous page. */
  cursor?: string;
  agent?: string;
  command?: string;
  status?: JobStatus;
  /** ISO 8601 in UTC. */
  since?: string;
  /** The id or the name of the token that created the jobs. */
  by?: string;
  /** The name of the schedule that created the jobs. */
  schedule?: string;
  /** Whole words that must all occur in the message or the code of a request. */
  search?: string;
}

/** Filters of a list of artifacts. */
export interface ArtifactsQuery {
  limit?: number;
  /** The `next_cursor` of the previous page. */
  cursor?: string;
  agent?: string;
  /** The id of the job. */
  job?: string;
  /** In the name, `*` and `?` are wildcards. */
  name?: string;
}
