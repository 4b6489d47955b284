/**
 * The control plane's journal: the narrow interface behind which all that is durable stands. One
 * implementation now (`sqliteJournal.ts`); a cluster's would be another.
 */

import type { AuditTrail } from "../../store/auditTrail.ts";
import type {
  AgentRecord,
  ControlWrite,
  OpenJournal,
  StoredJob,
  StoredOutcome,
  StoredRequest,
} from "../core/model.ts";
import type { Retention } from "./history/retention.ts";
import type { JobPage, JobsQuery } from "./jobQuery.ts";
import type { ArtifactTable } from "./tables/artifactTable.ts";
import type { MetricsTable } from "./tables/metricsTable.ts";
import type { ReleaseTable } from "./tables/releaseTable.ts";
import type { ScheduleTable } from "./tables/scheduleTable.ts";
import type { TokenTable } from "./tables/tokenTable.ts";

/** What a commit has given to what it wrote. */
export interface CommitResult {
  /** The sequence of each outcome, by the id of its request. */
  sequences: ReadonlyMap<string, number>;
}

/**
 * Every method answers at once; a failure throws. `commit` makes all of its writes durable before
 * it returns, or none of them.
 */
export interface ControlJournal {
  commit(writes: ControlWrite[]): CommitResult;
  /** Throws while writes are impossible. */
  probe(): void;
  /** Throws where its file is no longer in its place. */
  look(): void;
  open(): OpenJournal;
  agents(): AgentRecord[];

  job(jobId: string): StoredJob | undefined;
  jobByKey(key: string): StoredJob | undefined;
  jobs(query: JobsQuery): JobPage;
  /** Takes a little more into the index behind `jobs`; false once nothing is left to do. */
  indexHistory(): boolean;
  /** Puts a little more of that index in order; false once nothing is left to do. */
  mergeHistory(): boolean;
  /** All of a job's, without results and with the beginning of each message alone. */
  requests(jobId: string): StoredRequest[];
  /** With all that is known of each: as large as agents' answers are. */
  fullRequests(jobId: string): StoredRequest[];
  /** The job a request belongs to; undefined where there is no such request. */
  findJobId(requestId: string): string | undefined;
  /** The agent a request was sent to; undefined where there is no such request. */
  findAgent(requestId: string): string | undefined;
  /** Outcomes of a job behind a place in their order, oldest first. */
  outcomes(jobId: string, after: number, limit: number): StoredOutcome[];

  readonly releases: ReleaseTable;
  readonly schedules: ScheduleTable;
  readonly metrics: MetricsTable;

  /** The texts of agents' capabilities, by their digests. */
  capabilities(): { digest: string; text: string }[];
  addCapabilities(digest: string, text: string): void;
  removeCapabilities(digest: string): void;

  /** Lets old jobs go. */
  readonly retention: Retention;
  readonly audit: AuditTrail;
  readonly tokens: TokenTable;
  /** The name of this control plane, made with its journal. */
  readonly controlId: string;

  readonly artifacts: ArtifactTable;
  close(): void;
}
