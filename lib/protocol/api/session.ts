/**
 * The messages of an operator session, one JSON object in each text frame. A client submits and
 * follows jobs under references of its own, and gives each of them credit for its lines.
 */
import * as v from "valibot";
import { RequestId } from "../names.ts";
import { sessionCreditDefault, sessionCreditMax } from "../sessionLimits.ts";
import { Traceparent } from "../traceparent.ts";
import { JobRequest } from "./jobs.ts";
import { AcceptedLine, ErrorBody, OutcomeLine, OutputLine } from "./views.ts";

const refRule = "must be 1 to 64 visible ASCII characters";
/** The client's own name of a job in this session. */
const Ref = v.pipe(v.string("must be a string"), v.regex(/^[\x21-\x7e]{1,64}$/, refRule));

const keyRule = "must be 1 to 128 visible ASCII characters";
/** A repeated request with the same key creates one job only. */
export const IdempotencyKey = v.pipe(
  v.string("must be a string"),
  v.regex(/^[\x21-\x7e]{1,128}$/, keyRule),
);

const creditRule = `must be a whole number from 1 to ${sessionCreditMax}`;
const Credit = v.pipe(
  v.number(creditRule),
  v.integer(creditRule),
  v.minValue(1, creditRule),
  v.maxValue(sessionCreditMax, creditRule),
);

const Cursor = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Creates a job, and follows it to its last outcome. */
export const SubmitMessage = v.strictObject({
  type: v.literal("submit"),
  ref: Ref,
  job: JobRequest,
  /** The same key with the same job is the same job, as `Idempotency-Key` is. */
  key: v.optional(IdempotencyKey),
  /** Whether live output is sent, too. */
  output: v.optional(v.boolean(), false),
  /** Bytes of `lines` messages that the client takes before it gives further credit. */
  credit: v.optional(Credit, sessionCreditDefault),
  /** The position in a trace (W3C Trace Context). */
  traceparent: v.optional(Traceparent),
});
export type SubmitMessage = v.InferOutput<typeof SubmitMessage>;

/** Follows an existing job after what was received before. */
export const FollowMessage = v.strictObject({
  type: v.literal("follow"),
  ref: Ref,
  job_id: v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty")),
  /** The cursor of the last outcome that was received; 0 for all. */
  after: v.optional(Cursor, 0),
  output: v.optional(v.boolean(), false),
  /** The last chunk of each request's output that was received. */
  received: v.optional(v.record(RequestId, Cursor), {}),
  credit: v.optional(Credit, sessionCreditDefault),
});
export type FollowMessage = v.InferOutput<typeof FollowMessage>;

/** Gives a job further credit. */
export const CreditMessage = v.strictObject({
  type: v.literal("credit"),
  ref: Ref,
  credit: Credit,
});

/** Ends the lines of a job in this session; the job itself goes on. */
export const StopMessage = v.strictObject({ type: v.literal("stop"), ref: Ref });

const types = ["submit", "follow", "credit", "stop"];
const typeRule = `must be one of ${types.join(", ")}`;

/** What a client sends. */
export const ClientMessage = v.variant(
  "type",
  [SubmitMessage, FollowMessage, CreditMessage, StopMessage],
  typeRule,
);
export type ClientMessage = v.InferOutput<typeof ClientMessage>;
export type ClientMessageInput = v.InferInput<typeof ClientMessage>;

const SessionError = ErrorBody.entries.error;

/** The job is on disk. */
export const AcceptedMessage = v.object({
  type: v.literal("accepted"),
  ref: v.string(),
  ...AcceptedLine.entries,
});

/** The job was not created or is not followed; the reference is free. */
export const RefusedMessage = v.object({
  type: v.literal("refused"),
  ref: v.string(),
  error: SessionError,
});

/** Outcomes and live output of a job, as in its stream over HTTP. */
export const LinesMessage = v.object({
  type: v.literal("lines"),
  ref: v.string(),
  lines: v.array(v.union([OutcomeLine, OutputLine])),
  /** Whether these are the last lines; the reference is free then. */
  ended: v.exactOptional(v.literal(true)),
});

/** The answer to `stop`: no further lines follow, and the reference is free. */
export const StoppedMessage = v.object({ type: v.literal("stopped"), ref: v.string() });

/** A message was not understood. No job is changed by it. */
export const SessionErrorMessage = v.object({
  type: v.literal("error"),
  /** Absent if the reference could not be read. */
  ref: v.exactOptional(v.string()),
  error: SessionError,
});

/** What a control plane sends. */
export const SessionMessage = v.variant("type", [
  AcceptedMessage,
  RefusedMessage,
  LinesMessage,
  StoppedMessage,
  SessionErrorMessage,
]);
export type SessionMessage = v.InferOutput<typeof SessionMessage>;
