/**
 * The bodies of the HTTP API, as schemas from which the types are inferred; both ends use them.
 * Times are ISO 8601 in UTC, durations carry their unit in their name.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { LabelSet, type Labels } from "../labels.ts";
import { timeoutSecondsMax } from "../limits.ts";
import { CommandName, RequestId } from "../names.ts";
import { type Priority, seconds } from "./jobs.ts";
import type { Target } from "./target.ts";

/** How a request ended. `lost`: it may have started, and it cannot be known how it ended. */
export const outcomes = ["success", "failed", "error", "expired", "cancelled", "lost"] as const;
export type OutcomeKind = (typeof outcomes)[number];

/** What a list of jobs may be narrowed to: those with a request that is open, or ended so. */
export const jobStatuses = ["open", ...outcomes] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** One request of a job as the API shows it. */
export interface RequestView {
  request_id: string;
  agent: string;
  /** `queued`: not yet sent; `sent`: handed to the agent's connection; otherwise the outcome. */
  state: "queued" | "sent" | OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /** When it was accepted; first sent; begun, where its agent has told; when its end was known. */
  queued_at: string;
  sent_at?: string;
  started_at?: string;
  ended_at?: string;
  /** From the acceptance to the sending, in milliseconds. */
  queue_ms?: number;
  /** How long its command ran, where its agent has told, in milliseconds. */
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

/** Whether a second operator has approved it, and the id of the token that did. */
export type Approval = { status: "pending" } | { status: "approved"; by: string };

export interface JobView {
  job_id: string;
  command: string;
  target: Target;
  timeout_seconds: number;
  ttl_seconds: number;
  rollout?: RolloutView;
  /** Where it is not `normal`. */
  priority?: Priority;
  require_online?: true;
  /** Since when it is paused. */
  paused_at?: string;
  /** The job that it tries again. */
  retry_of?: string;
  /** The name of the schedule that it is a run of. */
  schedule?: string;
  created_at: string;
  created_by: string;
  /** Where a second operator has to approve it. */
  approval?: Approval;
  /** When an operator withdrew it. */
  cancelled_at?: string;
  /** Requests in all, those that have ended, and those that ended as `success`. */
  total: number;
  ended: number;
  succeeded: number;
}

/** A job with what was asked for and what became of it. */
export interface JobDetail extends JobView {
  parameters?: JsonObject;
  requests: RequestView[];
}

/** One line of an outcome stream; `cursor` resumes it behind this line. */
export interface OutcomeLine {
  job_id: string;
  request_id: string;
  agent: string;
  command: string;
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  duration_ms: number;
  cursor: number;
}

/** What a job's stream has, with live output where that was asked for. */
export type StreamLine = OutcomeLine | OutputLine;

/** The first line of the stream that answers a new job. */
export interface AcceptedLine {
  job: JobView;
  requests: { request_id: string; agent: string; online: boolean }[];
}

export interface AgentView {
  agent_id: string;
  online: boolean;
  /** `pending`: waits for approval; `fenced`: used from two places; `revoked`: has no token. */
  access: "active" | "pending" | "fenced" | "revoked";
  /** `wsctl.v1` or `standard`, while online. */
  protocol?: string;
  version?: string;
  hostname?: string;
  os?: string;
  arch?: string;
  address?: string;
  /** As targets see them: the control plane's, and the agent's own where it has none. */
  labels?: Labels;
  /** It takes no new jobs. */
  drained?: true;
  /**
   * When another process of its name last took over from one that was connected: a restart after a
   * broken connection, or a copy of it somewhere else.
   */
  replaced_at?: string;
  /** Where the other one was, if it was a copy: both lived, and took turns. */
  duplicate_location?: string;
  connected_at?: string;
  last_seen_at?: string;
  cpu_usage?: string;
  memory_usage?: string;
  /** The way there and back, in milliseconds, where it was asked for. */
  latency_ms?: number;
  /** How its latest request ended, since the control plane was started. */
  last_outcome?: { outcome: OutcomeKind; code?: string; at: string };
  /** Requests that wait for this agent or for its answer. */
  open_requests: number;
}

/** `POST /api/v1/agents/ID/labels`: by label its new value, or null where it is taken away. */
export const LabelChanges = v.strictObject({
  labels: v.pipe(
    v.record(v.string(), v.nullable(v.string())),
    v.check((changes) => v.is(LabelSet, withoutNulls(changes)), "must be labels, or null for one"),
  ),
});

function withoutNulls(changes: Record<string, string | null>): Labels {
  return Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? ""]));
}

/** Figures at even distances from a moment on; null where nothing is known. */
export interface Series {
  from: string;
  step_seconds: number;
  cpu_percent: (number | null)[];
  memory_bytes: (number | null)[];
}

/** Minute by minute for a day, and hour by hour for a month, in means. */
export interface AgentMetrics {
  day: Series;
  month: Series;
}

export interface AgentDetail extends AgentView {
  /** What it can do, as far as it has said so. */
  commands?: Capability[];
  metrics: AgentMetrics;
}

export interface Page<T> {
  items: T[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string;
}

/**
 * `POST /api/v1/jobs/ID/stream`: the rest of a job's stream, with live output. What was received
 * before is named, so that nothing of it comes again: outcomes by their cursor, output by request.
 */
export const StreamRequestBody = v.strictObject({
  after: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  output: v.optional(v.record(RequestId, v.pipe(v.number(), v.integer(), v.minValue(0))), {}),
});
export type StreamRequestBody = v.InferOutput<typeof StreamRequestBody>;

/** A piece of live output in a job's stream. */
export interface OutputLine {
  job_id: string;
  request_id: string;
  agent: string;
  output: {
    /** Counts the pieces of both streams of this request. */
    sequence: number;
    stream?: "stdout" | "stderr" | undefined;
    /** The piece, where it is UTF-8; otherwise `base64`. A piece need not be a whole line. */
    text?: string | undefined;
    base64?: string | undefined;
    /** Pieces before this one that could not be kept for a reader so far behind. */
    skipped?: number | undefined;
    /** It is no piece: the rest did not arrive, from behind `sequence` on. */
    incomplete?: true | undefined;
  };
}

/** A command that an agent has, as it announces it. */
export const Capability = v.object({
  name: CommandName,
  description: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
  /** A JSON Schema of its parameters; absent where it is too long to be announced. */
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  /** Whether it writes live output. */
  output: v.optional(v.boolean()),
  /** How long it may run where a request says nothing of it. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
});
export type Capability = v.InferOutput<typeof Capability>;

/**
 * `POST /api/v1/releases`: a signed release of wsctl itself, whose files were uploaded as artifacts
 * of the kind `release`; `artifacts` has the id of each by its SHA-256.
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

/** A published release; agents judge it by its signatures, not by who hands it out. */
export interface ReleaseView {
  version: string;
  release: ReleaseRequest["release"];
  created_at: string;
  created_by: string;
  downloads: { sha256: string; bytes: number; url: string }[];
}

/** Body of every failed answer: a problem (RFC 9457) with the error as its own member. */
export interface ErrorBody {
  title: string;
  /** The HTTP status. */
  status: number;
  detail: string;
  error: { code: string; message: string };
}
