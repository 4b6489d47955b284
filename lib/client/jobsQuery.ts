/** Which jobs a list is of, and where it goes on. */
import type { JobStatus } from "../protocol/api/views.ts";

/** What is asked of agent, status and words holds for one request of a job. */
export interface JobsQuery {
  limit?: number;
  /** The `next_cursor` of the page before. */
  cursor?: string;
  agent?: string;
  command?: string;
  status?: JobStatus;
  /** ISO 8601 in UTC. */
  since?: string;
  /** The id of the token that asked. */
  created_by?: string;
  /** Whole words, all of them in the message or the code of a request. */
  search?: string;
}
