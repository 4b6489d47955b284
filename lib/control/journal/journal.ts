/**
 * The interface of the control plane's journal, which holds all durable state. `controlJournal.ts`
 * implements it; a cluster would use another implementation.
 */

import type { Committed } from "../../store/groupCommit.ts";
import type {
  AgentRecord,
  ControlWrite,
  OpenJournal,
  StoredJob,
  StoredOutcome,
  StoredRequest,
} from "../core/model.ts";
import type { AuditTrail } from "./auditTrail.ts";
import type { ControlFact } from "./entries.ts";
import type { IndexUpkeep, LaterUpkeep } from "./feed/journalIndex.ts";
import type { JobPage, JobsQuery } from "./jobQuery.ts";
import type { IndexRebuild } from "./rebuild/indexRebuild.ts";
import type { Recorder } from "./recorder.ts";
import type { ArtifactTable } from "./tables/artifactTable.ts";
import type { DefinitionTable } from "./tables/definitionTable.ts";
import type { LineageTable } from "./tables/lineageTable.ts";
import type { MetricsTable } from "./tables/metricsTable.ts";
import type { ReleaseTable } from "./tables/releaseTable.ts";
import type { ScheduleTable } from "./tables/scheduleTable.ts";
import type { TokenTable } from "./tables/tokenTable.ts";

/** Values that a commit assigned. */
export interface CommitResult {
  /** The sequence of each outcome, by request id. */
  sequences: ReadonlyMap<string, number>;
}

/** All methods throw on failure, and all but `commit` are synchronous. */
export interface ControlJournal {
  /**
   * Makes all writes durable and returns the result, or throws and makes none. On a slow disk it
   * returns undefined, and calls `done` once, later.
   */
  commit(
    writes: ControlWrite[],
    done: (committed: Committed<CommitResult>) => void,
  ): { result: CommitResult } | undefined;
  /** Makes all writes durable before it returns, however slow the disk is, or none. */
  commitNow(writes: ControlWrite[]): CommitResult;
  /** Calls the `done` that is pending before it returns. */
  settle(): void;
  /** Throws if the journal cannot be written. */
  probe(): void;
  /** Why nothing new can be recorded, such as a full disk; undefined if it can. */
  fault(): string | undefined;
  /** Throws if the log was moved or deleted. */
  assertInPlace(): void;
  open(): OpenJournal;
  agents(): AgentRecord[];

  job(jobId: string): StoredJob | undefined;
  /** Returns up to `limit` ids of jobs, newest first, optionally those of one creator. */
  jobIdsFrom(prefix: string, limit: number, createdBy?: string): string[];
  jobByKey(key: string): StoredJob | undefined;
  jobs(query: JobsQuery): JobPage;
  /** The index is being rebuilt: jobs that have ended may be missing in it. */
  readonly rebuild?: IndexRebuild | undefined;
  /** Completes and prunes the index, step by step. */
  readonly upkeep: IndexUpkeep;
  /** The same, while this thread goes on where the index has a thread of its own. */
  readonly upkeepLater: LaterUpkeep;
  /** Returns all requests of a job, without results and with shortened messages. */
  requests(jobId: string): StoredRequest[];
  /** Returns all requests of a job with results and full messages, which may be large. */
  fullRequests(jobId: string): StoredRequest[];
  /** Returns the job of a request, or undefined. @throws {WsctlError} UNAVAILABLE */
  findJobId(requestId: string): string | undefined;
  /** Whether the index has a request. */
  hasRequest(requestId: string): boolean;
  /** Returns the agent that a request was sent to, or undefined. @throws {WsctlError} UNAVAILABLE */
  findAgent(requestId: string): string | undefined;
  /** Returns the outcomes of a job after a sequence, oldest first. */
  outcomes(jobId: string, after: number, limit: number): StoredOutcome[];

  readonly releases: ReleaseTable;
  readonly schedules: ScheduleTable;
  readonly definitions: DefinitionTable;
  readonly metrics: MetricsTable;

  /** The texts of capabilities, by digest. */
  capabilities(): { digest: string; text: string }[];
  addCapabilities(digest: string, text: string): void;
  removeCapabilities(digest: string): void;

  readonly audit: AuditTrail;
  readonly tokens: TokenTable;
  /** The id of this control plane; empty in a copy that has no entry yet. */
  readonly controlId: string;
  readonly lineage: LineageTable;
  /** Records the id of this control plane, if it has none. */
  createIdentity(): void;

  readonly artifacts: ArtifactTable;
  /** When the oldest job in the index was created, in milliseconds since 1970. */
  readonly oldestJobAt: number | undefined;
  /** The facts that hold now, beside jobs: tokens, agents, schedules and others. */
  currentFacts(): Iterable<ControlFact>;
  /** The log, and what records facts in it. */
  readonly recorder: Recorder;
  close(): void;
}
