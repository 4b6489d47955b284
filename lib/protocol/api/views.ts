/**
 * The bodies of the HTTP API, as schemas from which the types are inferred. Client and server share
 * them. Times are ISO 8601 in UTC; names of durations contain their unit.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { LabelSet, type Labels } from "../labels.ts";
import { timeoutSecondsMax } from "../limits.ts";
import { CommandName, RequestId } from "../names.ts";
import { type Priority, seconds } from "./jobs.ts";
import type { SkippedAgent, Target } from "./target.ts";

/** How a request ended. `lost`: it may have started, and its end is unknown. */
export const outcomes = ["success", "failed", "error", "expired", "cancelled", "lost"] as const;
export type OutcomeKind = (typeof outcomes)[number];

/** Filters of a list of jobs: with an open request, or with one that has this outcome. */
export const jobStatuses = ["open", ...outcomes] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** One request of a job as the API shows it. */
export interface RequestView {
  request_id: string;
  agent: string;
  /** `queued`: not sent. `sent`: passed to the agent's connection. Otherwise the outcome. */
  state: "queued" | "sent" | OutcomeKind;
  /** Absent as long as the request is open. */
  outcome?: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /**
   * When it was accepted. The others: when it was first sent, when it started as its agent
   * reported, and when its outcome was received.
   */
  queued_at: string;
  sent_at?: string;
  started_at?: string;
  ended_at?: string;
  /** From the acceptance to the sending, in milliseconds. */
  queue_ms?: number;
  /** How long its command ran, as its agent reported, in milliseconds. */
  execution_ms?: number;
  /** From the acceptance of the job to the outcome, in milliseconds. */
  duration_ms?: number;
}

/** How a job is spread over its agents, in numbers of agents. */
export interface RolloutView {
  batch?: number;
  waves?: true;
  batch_pause_seconds?: number;
  canary?: number;
  canary_pause_seconds?: number;
  max_failures?: number;
}

/** The state of the approval, and the id of the token that approved. */
export type Approval = { status: "pending" } | { status: "approved"; by: string };

export interface JobView {
  job_id: string;
  command: string;
  target: Target;
  timeout_seconds: number;
  ttl_seconds: number;
  rollout?: RolloutView;
  /** Absent if `normal`. */
  priority?: Priority;
  require_online?: true;
  /** When an operator paused the job. */
  paused_at?: string;
  /** The job that this one retries. */
  retry_of?: string;
  /** The name of the schedule that created the job. */
  schedule?: string;
  /** The name of the template that it was made from. */
  template?: string;
  /** Its requests are signed, so it cannot be retried. */
  signed?: true;
  created_at: string;
  /** The id of the token, and its name if it has one. */
  created_by: string;
  created_by_name?: string;
  /** Why it was created, as its creator says. */
  reason?: string;
  /** Present if the job needs the approval of a second operator. */
  approval?: Approval;
  /** When an operator cancelled it. */
  cancelled_at?: string;
  /** The number of all requests, of ended ones, and of those with the outcome `success`. */
  total: number;
  ended: number;
  succeeded: number;
}

/** A job with its requests. */
export interface JobDetail extends JobView {
  parameters?: JsonObject;
  requests: RequestView[];
}

/** One line of an outcome stream. Pass its `cursor` to resume after this line. */
export interface OutcomeLine {
  job_id: string;
  request_id: string;
  agent: string;
  command: string;
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /** How long its command ran, as its agent reported, in milliseconds. */
  execution_ms?: number;
  /** From the acceptance of the job to the outcome, in milliseconds. */
  duration_ms: number;
  cursor: number;
}

/** The lines of a job's stream, with live output if requested. */
export type StreamLine = OutcomeLine | OutputLine;

/** The first line of the stream that responds to a new job. */
export interface AcceptedLine {
  job: JobView;
  requests: { request_id: string; agent: string; online: boolean }[];
  /** Selected agents that get no request; absent if there are none, or in a repeated response. */
  skipped?: SkippedAgent[];
}

export interface AgentView {
  agent_id: string;
  online: boolean;
  /** `pending`: needs approval. `fenced`: used from two places. `revoked`: has no valid token. */
  access: "active" | "pending" | "fenced" | "revoked";
  /** `wsctl.v1` or `standard`, while online. */
  protocol?: string;
  version?: string;
  hostname?: string;
  os?: string;
  arch?: string;
  address?: string;
  /** As targets see them: the control plane's labels take precedence over the agent's own. */
  labels?: Labels;
  /** The agent takes no new jobs. */
  drained?: true;
  /**
   * When another process with the same id last replaced one that was connected: a restart after a
   * broken connection, or a duplicate.
   */
  replaced_at?: string;
  /** The location of the other process, if it was a duplicate. */
  duplicate_location?: string;
  connected_at?: string;
  last_seen_at?: string;
  cpu_usage?: string;
  memory_usage?: string;
  /** Round-trip time in milliseconds, if requested. */
  latency_ms?: number;
  /** The outcome of its latest request since the control plane was started. */
  last_outcome?: { outcome: OutcomeKind; code?: string; at: string };
  /** Requests that are queued for this agent or wait for its response. */
  open_requests: number;
}

/** `POST /api/v1/agents/ID/labels`: the new value of each label, or null to remove it. */
export const LabelChanges = v.strictObject({
  labels: v.pipe(
    v.record(v.string(), v.nullable(v.string())),
    v.check(
      (changes) => v.is(LabelSet, withoutNulls(changes)),
      "must be labels, or null to remove one",
    ),
  ),
});

function withoutNulls(changes: Record<string, string | null>): Labels {
  return Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? ""]));
}

/** Values at a fixed interval from a start time; null if there is no data. */
export interface Series {
  from: string;
  step_seconds: number;
  cpu_percent: (number | null)[];
  memory_bytes: (number | null)[];
}

/** Means per minute for a day, and per hour for a month. */
export interface AgentMetrics {
  day: Series;
  month: Series;
}

export interface AgentDetail extends AgentView {
  /** The commands that it has announced. */
  commands?: Capability[];
  metrics: AgentMetrics;
}

export interface Page<T> {
  items: T[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string;
}

/**
 * `POST /api/v1/jobs/ID/stream`: resumes a job's stream with live output. The body names what was
 * received before: outcomes by their cursor, output by request.
 */
export const StreamRequestBody = v.strictObject({
  after: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  output: v.optional(v.record(RequestId, v.pipe(v.number(), v.integer(), v.minValue(0))), {}),
});
export type StreamRequestBody = v.InferOutput<typeof StreamRequestBody>;

/** A chunk of live output in a job's stream. */
export interface OutputLine {
  job_id: string;
  request_id: string;
  agent: string;
  output: {
    /** Numbers the chunks of both streams of this request. */
    sequence: number;
    stream?: "stdout" | "stderr" | undefined;
    /** The chunk if it is UTF-8, otherwise `base64`. A chunk need not end with a line. */
    text?: string | undefined;
    base64?: string | undefined;
    /** The number of chunks before this one that were dropped because the reader was too slow. */
    skipped?: number | undefined;
    /** Not a chunk: the output after `sequence` did not arrive. */
    incomplete?: true | undefined;
  };
}

/** A command that an agent announces. */
export const Capability = v.object({
  name: CommandName,
  description: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
  /** A JSON Schema of its parameters; absent if it is too long to be announced. */
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  /** Whether it writes live output. */
  output: v.optional(v.boolean()),
  /** Its timeout if the request does not set one. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
});
export type Capability = v.InferOutput<typeof Capability>;

/**
 * `POST /api/v1/releases`: a signed release of wsctl, whose files were uploaded as artifacts of the
 * kind `release`. `artifacts` maps each SHA-256 to an artifact id.
 */
export const ReleaseRequest = v.strictObject({
  release: v.strictObject({
    /** Exactly as it was signed. */
    manifest: v.string(),
    signatures: v.array(v.strictObject({ key: v.string(), signature: v.string() })),
  }),
  artifacts: v.record(v.string(), v.string()),
});
export type ReleaseRequest = v.InferOutput<typeof ReleaseRequest>;

/** A published release. Agents trust its signatures, not the control plane. */
export interface ReleaseView {
  version: string;
  release: ReleaseRequest["release"];
  created_at: string;
  created_by: string;
  downloads: { sha256: string; bytes: number; url: string }[];
}

/** The body of every error response: a problem (RFC 9457) with the member `error`. */
export interface ErrorBody {
  title: string;
  /** The HTTP status. */
  status: number;
  detail: string;
  error: { code: string; message: string };
}
