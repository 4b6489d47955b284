/**
 * The bodies of the HTTP API, as schemas from which the types are inferred; both ends use them.
 * Times are ISO 8601 in UTC, durations carry their unit in their name.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "./json.ts";
import { timeoutSecondsMax, ttlSecondsDefault, ttlSecondsMax } from "./limits.ts";
import { AgentId, CommandName, RequestId } from "./names.ts";
import type { Labels } from "./selector.ts";
import { CommandSignatures } from "./signedCommand.ts";
import { isTimestamp } from "./timestamp.ts";

/** How a request ended. `lost`: it may have started, and it cannot be known how it ended. */
export const outcomes = ["success", "failed", "error", "expired", "cancelled", "lost"] as const;
export type OutcomeKind = (typeof outcomes)[number];

const agentsMax = 100_000;

/** Who a job is for: these agents, or all that are known. */
export const Target = v.union(
  [
    v.strictObject({
      agents: v.pipe(
        v.array(AgentId),
        v.minLength(1, "names no agent"),
        v.maxLength(agentsMax, `names more than ${agentsMax} agents`),
      ),
    }),
    v.strictObject({ all: v.literal(true) }),
  ],
  'must be {"agents": ["id", …]} or {"all": true}',
);
export type Target = v.InferOutput<typeof Target>;

function seconds(most: number) {
  const rule = `must be a number from 1 to ${most}`;
  return v.pipe(v.number(rule), v.minValue(1, rule), v.maxValue(most, rule));
}

/** So many agents, or so many in a hundred of all that a job is for. */
function share(least: number) {
  const rule = `must be a whole number from ${least}, or a percentage such as "10%"`;
  return v.union(
    [
      v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(agentsMax)),
      v.pipe(v.string(), v.regex(/^(100|\d{1,2})(\.\d{1,3})?%$/)),
    ],
    rule,
  );
}

/** What an operator has signed of a job: one request for each agent of its target. */
export const SignedOrder = v.strictObject({
  not_after: v.pipe(v.string(), v.check(isTimestamp, "must be ISO 8601 in UTC")),
  requests: v.pipe(
    v.array(
      v.strictObject({
        agent: AgentId,
        request_id: v.pipe(v.string(), v.uuid("must be a UUID")),
        signatures: v.pipe(CommandSignatures, v.minLength(1, "must not be empty")),
      }),
    ),
    v.minLength(1, "must not be empty"),
    v.maxLength(agentsMax, `names more than ${agentsMax} agents`),
  ),
});
export type SignedOrder = v.InferOutput<typeof SignedOrder>;

/** `POST /api/v1/jobs`. */
export const JobOrder = v.strictObject({
  command: CommandName,
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  target: Target,
  /** What the command itself asks for, where it is not given. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
  ttl_seconds: v.optional(seconds(ttlSecondsMax), ttlSecondsDefault),
  /** Signatures over each of its requests, whose ids the operator has made; see `SignedOrder`. */
  signed: v.optional(SignedOrder),
  /** So many at a time: the next begins when one has ended. */
  batch: v.optional(share(1)),
  /** With one more failure than this, what has not been sent is cancelled. */
  max_failures: v.optional(share(0)),
});
export type JobOrder = v.InferOutput<typeof JobOrder>;
export type JobOrderInput = v.InferInput<typeof JobOrder>;

/** One request of a job as the API shows it. */
export interface RequestView {
  request_id: string;
  agent: string;
  /** `queued`: not yet sent; `sent`: handed to the agent's connection; otherwise the outcome. */
  state: "queued" | "sent" | OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  sent_at?: string;
  ended_at?: string;
  /** From the acceptance of the job to the outcome, in milliseconds. */
  duration_ms?: number;
}

export interface JobView {
  job_id: string;
  command: string;
  target: Target;
  timeout_seconds: number;
  ttl_seconds: number;
  /** Of a rollout, in numbers of agents. */
  batch?: number;
  max_failures?: number;
  created_at: string;
  created_by: string;
  /** Where a second operator has to approve it: `awaited`, or the id of the token that did. */
  approval?: string;
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
  /** Why it cannot connect: it waits for approval, was used from two places, or has no token. */
  shut_out?: "pending" | "fenced" | "revoked";
  /** `wsctl.v1` or `standard`, while online. */
  protocol?: string;
  version?: string;
  hostname?: string;
  os?: string;
  arch?: string;
  address?: string;
  /** As the control plane knows them. */
  labels?: Labels;
  connected_at?: string;
  last_seen_at?: string;
  cpu_usage?: string;
  memory_usage?: string;
  /** Requests that wait for this agent or for its answer. */
  open_requests: number;
}

export interface StatusSample {
  at: string;
  cpu_percent: number;
  memory_bytes: number;
}

export interface AgentDetail extends AgentView {
  /** What it can do, as far as it has said so. */
  commands?: CatalogueEntry[];
  /** Oldest first. */
  status_history: StatusSample[];
}

export interface Page<T> {
  items: T[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string;
}

/**
 * `POST /api/v1/jobs/ID/follow`: the rest of a job's stream, with live output. What was received
 * before is named, so that nothing of it comes again: outcomes by their cursor, output by request.
 */
export const FollowBody = v.strictObject({
  after: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  output: v.optional(v.record(RequestId, v.pipe(v.number(), v.integer(), v.minValue(0))), {}),
});
export type FollowBody = v.InferOutput<typeof FollowBody>;

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
export const CatalogueEntry = v.object({
  name: CommandName,
  description: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
  /** A JSON Schema of its parameters; absent where it is too long to be announced. */
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  /** Whether it writes live output. */
  output: v.optional(v.boolean()),
  /** How long it may run where a request says nothing of it. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
});
export type CatalogueEntry = v.InferOutput<typeof CatalogueEntry>;

/**
 * `POST /api/v1/releases`: a signed release of wsctl itself, whose files were uploaded as artifacts
 * of the kind `release`; `artifacts` has the id of each by its SHA-256.
 */
export const ReleaseOrder = v.strictObject({
  release: v.strictObject({
    /** Exactly as it was signed. */
    manifest: v.string(),
    signatures: v.array(v.strictObject({ key: v.string(), signature: v.string() })),
  }),
  artifacts: v.record(v.string(), v.string()),
});
export type ReleaseOrder = v.InferOutput<typeof ReleaseOrder>;

/** A published release; agents judge it by its signatures, not by who hands it out. */
export interface ReleaseView {
  version: string;
  release: ReleaseOrder["release"];
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
