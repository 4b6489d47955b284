/**
 * The bodies of the HTTP API, as schemas from which the types are inferred. Client and server share
 * them. Times are ISO 8601 in UTC; names of durations contain their unit.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { LabelSet, type Labels } from "../labels.ts";
import { timeoutSecondsMax } from "../limits.ts";
import { CommandName, RequestId } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { Priority, seconds } from "./jobs.ts";
import { SkippedAgent, Target } from "./target.ts";

/** How a request ended. `lost`: it may have started, and its end is unknown. */
export const outcomes = ["success", "failed", "error", "expired", "cancelled", "lost"] as const;
export type OutcomeKind = (typeof outcomes)[number];
const Outcome = v.picklist(outcomes);
const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const FreeObject = v.custom<JsonObject>(isJsonObject, "must be an object");

/** Filters of a list of jobs: with an open request, or with one that has this outcome. */
export const jobStatuses = ["open", ...outcomes] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** One request of a job as the API shows it. */
export const RequestView = v.object({
  request_id: v.string(),
  agent: v.string(),
  /** `queued`: not sent. `sent`: passed to the agent's connection. Otherwise the outcome. */
  state: v.picklist(["queued", "sent", ...outcomes]),
  /** Absent as long as the request is open. */
  outcome: v.exactOptional(Outcome),
  code: v.exactOptional(v.string()),
  message: v.exactOptional(v.string()),
  result: v.exactOptional(v.unknown()),
  /**
   * When it was accepted. The others: when it was first sent, when it started as its agent
   * reported, and when its outcome was received.
   */
  queued_at: Timestamp,
  sent_at: v.exactOptional(Timestamp),
  started_at: v.exactOptional(Timestamp),
  ended_at: v.exactOptional(Timestamp),
  /** From the acceptance to the sending, in milliseconds. */
  queue_ms: v.exactOptional(v.number()),
  /** How long its command ran, as its agent reported, in milliseconds. */
  execution_ms: v.exactOptional(v.number()),
  /** From the acceptance of the job to the outcome, in milliseconds. */
  duration_ms: v.exactOptional(v.number()),
});
export type RequestView = v.InferOutput<typeof RequestView>;

/** How a job is spread over its agents, in numbers of agents. */
export const RolloutView = v.object({
  batch: v.exactOptional(Count),
  waves: v.exactOptional(v.literal(true)),
  batch_pause_seconds: v.exactOptional(v.number()),
  canary: v.exactOptional(Count),
  canary_pause_seconds: v.exactOptional(v.number()),
  max_failures: v.exactOptional(Count),
});
export type RolloutView = v.InferOutput<typeof RolloutView>;

/** The state of the approval, and the id of the token that approved. */
export const Approval = v.variant("status", [
  v.object({ status: v.literal("pending") }),
  v.object({ status: v.literal("approved"), by: v.string() }),
]);
export type Approval = v.InferOutput<typeof Approval>;

export const JobView = v.object({
  job_id: v.string(),
  command: v.string(),
  target: Target,
  timeout_seconds: v.number(),
  ttl_seconds: v.number(),
  rollout: v.exactOptional(RolloutView),
  /** Absent if `normal`. */
  priority: v.exactOptional(Priority),
  require_online: v.exactOptional(v.literal(true)),
  /** When an operator paused the job. */
  paused_at: v.exactOptional(Timestamp),
  /** The job that this one retries. */
  retry_of: v.exactOptional(v.string()),
  /** The name of the schedule that created the job. */
  schedule: v.exactOptional(v.string()),
  /** The name of the template that it was made from. */
  template: v.exactOptional(v.string()),
  /** Its requests are signed, so it cannot be retried. */
  signed: v.exactOptional(v.literal(true)),
  created_at: Timestamp,
  /** The id of the token, and its name if it has one. */
  created_by: v.string(),
  created_by_name: v.exactOptional(v.string()),
  /** Why it was created, as its creator says. */
  reason: v.exactOptional(v.string()),
  /** Present if the job needs the approval of a second operator. */
  approval: v.exactOptional(Approval),
  /** When an operator cancelled it. */
  cancelled_at: v.exactOptional(Timestamp),
  /** The number of all requests, of ended ones, and of those with the outcome `success`. */
  total: Count,
  ended: Count,
  succeeded: Count,
});
export type JobView = v.InferOutput<typeof JobView>;

/** A job with its requests. */
export const JobDetail = v.object({
  ...JobView.entries,
  parameters: v.exactOptional(FreeObject),
  requests: v.array(RequestView),
});
export type JobDetail = v.InferOutput<typeof JobDetail>;

/** One line of an outcome stream. Pass its `cursor` to resume after this line. */
export const OutcomeLine = v.object({
  job_id: v.string(),
  request_id: v.string(),
  agent: v.string(),
  command: v.string(),
  outcome: Outcome,
  code: v.exactOptional(v.string()),
  message: v.exactOptional(v.string()),
  result: v.exactOptional(v.unknown()),
  /** How long its command ran, as its agent reported, in milliseconds. */
  execution_ms: v.exactOptional(v.number()),
  /** From the acceptance of the job to the outcome, in milliseconds. */
  duration_ms: v.number(),
  cursor: Count,
});
export type OutcomeLine = v.InferOutput<typeof OutcomeLine>;

/** The lines of a job's stream, with live output if requested. */
export type StreamLine = OutcomeLine | OutputLine;

/** The first line of the stream that responds to a new job. */
export const AcceptedLine = v.object({
  job: JobView,
  requests: v.array(v.object({ request_id: v.string(), agent: v.string(), online: v.boolean() })),
  /** Selected agents that get no request; absent if there are none, or in a repeated response. */
  skipped: v.exactOptional(v.array(SkippedAgent)),
});
export type AcceptedLine = v.InferOutput<typeof AcceptedLine>;

export const AgentView = v.object({
  agent_id: v.string(),
  online: v.boolean(),
  /** `pending`: needs approval. `fenced`: used from two places. `revoked`: has no valid token. */
  access: v.picklist(["active", "pending", "fenced", "revoked"]),
  /** `wsctl.v1` or `standard`, while online. */
  protocol: v.exactOptional(v.string()),
  version: v.exactOptional(v.string()),
  hostname: v.exactOptional(v.string()),
  os: v.exactOptional(v.string()),
  arch: v.exactOptional(v.string()),
  address: v.exactOptional(v.string()),
  /** As targets see them: the control plane's labels take precedence over the agent's own. */
  labels: v.exactOptional(LabelSet),
  /** The agent takes no new jobs. */
  drained: v.exactOptional(v.literal(true)),
  /**
   * When another process with the same id last replaced one that was connected: a restart after a
   * broken connection, or a duplicate.
   */
  replaced_at: v.exactOptional(Timestamp),
  /** The location of the other process, if it was a duplicate. */
  duplicate_location: v.exactOptional(v.string()),
  connected_at: v.exactOptional(Timestamp),
  last_seen_at: v.exactOptional(Timestamp),
  cpu_usage: v.exactOptional(v.string()),
  memory_usage: v.exactOptional(v.string()),
  /** Round-trip time in milliseconds, if requested. */
  latency_ms: v.exactOptional(v.number()),
  /** The outcome of its latest request since the control plane was started. */
  last_outcome: v.exactOptional(
    v.object({ outcome: Outcome, code: v.exactOptional(v.string()), at: Timestamp }),
  ),
  /** Requests that are queued for this agent or wait for its response. */
  open_requests: Count,
});
export type AgentView = v.InferOutput<typeof AgentView>;

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
export const Series = v.object({
  from: Timestamp,
  step_seconds: v.number(),
  cpu_percent: v.array(v.nullable(v.number())),
  memory_bytes: v.array(v.nullable(v.number())),
});
export type Series = v.InferOutput<typeof Series>;

/** Means per minute for a day, and per hour for a month. */
export const AgentMetrics = v.object({
  day: Series,
  month: Series,
});
export type AgentMetrics = v.InferOutput<typeof AgentMetrics>;

/** A command that an agent announces. */
export const Capability = v.object({
  name: CommandName,
  description: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
  /** A JSON Schema of its parameters; absent if it is too long to be announced. */
  parameters: v.optional(FreeObject),
  /** Whether it writes live output. */
  output: v.optional(v.boolean()),
  /** Its timeout if the request does not set one. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
  /** Patterns of what the host allows: command lines or paths. The host alone enforces them. */
  allowed: v.optional(v.array(v.string())),
  /** The IDs of the keys that must sign it, and how many of them; without keys it cannot run. */
  signatures: v.optional(
    v.object({ count: v.pipe(v.number(), v.integer(), v.minValue(1)), keys: v.array(v.string()) }),
  ),
});
export type Capability = v.InferOutput<typeof Capability>;

export const AgentDetail = v.object({
  ...AgentView.entries,
  /** The commands that it has announced. */
  commands: v.exactOptional(v.array(Capability)),
  metrics: AgentMetrics,
});
export type AgentDetail = v.InferOutput<typeof AgentDetail>;

export interface Page<T> {
  items: T[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string;
}

export interface JobsPage extends Page<JobView> {
  /**
   * The part of the log that is in the index, from 0 to 1, while the index is being rebuilt: jobs
   * that have ended may be missing.
   */
  index_progress?: number;
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
export const OutputLine = v.object({
  job_id: v.string(),
  request_id: v.string(),
  agent: v.string(),
  output: v.object({
    /** Numbers the chunks of both streams of this request. */
    sequence: Count,
    stream: v.optional(v.picklist(["stdout", "stderr"])),
    /** The chunk if it is UTF-8, otherwise `base64`. A chunk need not end with a line. */
    text: v.optional(v.string()),
    base64: v.optional(v.string()),
    /** The number of chunks before this one that were dropped because the reader was too slow. */
    skipped: v.optional(Count),
    /** Not a chunk: the output after `sequence` did not arrive. */
    incomplete: v.optional(v.literal(true)),
  }),
});
export type OutputLine = v.InferOutput<typeof OutputLine>;

/** The body of every error response: a problem (RFC 9457) with the member `error`. */
export const ErrorBody = v.object({
  title: v.string(),
  /** The HTTP status. */
  status: v.number(),
  detail: v.string(),
  error: v.object({ code: v.string(), message: v.string() }),
});
export type ErrorBody = v.InferOutput<typeof ErrorBody>;
