/**
 * The messages of the link, as schemas from which the types are inferred.
 *
 * The standard's five: `command` and `error` to the agent; `status_update`, `heartbeat`, `response`
 * and `error` from it. Peers that asked for the subprotocol `wsctl.v1` also exchange `hello`,
 * `welcome`, `capabilities`, `ack`, `cancel`, `subscribe_output`, `output` and `goaway`, and use the optional
 * fields marked v1 below; no other peer is ever sent any of these. Unknown fields are ignored.
 * Source: the communication standard, and `docs/protocol.md` for every decision beyond it.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { LabelSet } from "../labels.ts";
import {
  capabilitiesBytesMax,
  codeCharsMax,
  outputChunkBytesMax,
  subscribeBytesMax,
  textCharsMax,
  timeoutSecondsMax,
} from "../limits.ts";
import { AgentId, CommandName, RequestId } from "../names.ts";
import { isTimestamp } from "../timestamp.ts";
import { CommandSignatures } from "./signedCommand.ts";
import { isCpuUsage, isMemoryUsage } from "./usageText.ts";

const timestampRule =
  'must be ISO 8601 in UTC, such as "2026-01-02T03:04:05Z", and a date that exists';
const Timestamp = v.pipe(v.string(timestampRule), v.check(isTimestamp, timestampRule));

/** An object of the sender's own; its prototype-like keys stay plain keys and are never merged. */
const FreeObject = v.custom<JsonObject>(isJsonObject, "must be an object");

const Code = v.pipe(v.string(), v.minLength(1), v.maxLength(codeCharsMax));
const Text = v.pipe(v.string(), v.maxLength(textCharsMax));
const Seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(timeoutSecondsMax));

/** What somebody else may mean otherwise is not taken for it, and is no reason to refuse either. */
const DurationMs = v.fallback(
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  undefined,
);

/** v1: how long the command ran, and since then the answer has been with its agent, in ms. */
const timeFields = { execution_ms: DurationMs, response_age_ms: DurationMs };

const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const Digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal"));

export const Command = v.object({
  type: v.literal("command"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    command: CommandName,
    parameters: v.optional(FreeObject),
    /** v1: how long the command may run, in seconds. */
    timeout_seconds: v.optional(Seconds),
    /** v1: the moment, on the control plane's clock, after which the command must not start. */
    expires_at: v.optional(Timestamp),
    /** Of operators' keys over this command for this agent alone; see `signedCommand.ts`. */
    signatures: v.optional(CommandSignatures),
    /** The moment after which the signatures are void. */
    not_after: v.optional(Timestamp),
  }),
});

export const StatusUpdate = v.object({
  type: v.literal("status_update"),
  request_id: v.optional(RequestId),
  timestamp: Timestamp,
  payload: v.object({
    cpu_usage: v.pipe(v.string(), v.check(isCpuUsage, 'must be a percentage such as "30%"')),
    memory_usage: v.pipe(
      v.string(),
      v.check(isMemoryUsage, 'must be a number and KB, MB, GB or TB, such as "1.5GB"'),
    ),
  }),
});

export const Heartbeat = v.object({
  type: v.literal("heartbeat"),
  request_id: v.optional(RequestId),
  timestamp: Timestamp,
  payload: FreeObject,
});

export const Response = v.object({
  type: v.literal("response"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    status: v.picklist(["success", "failed"], 'must be "success" or "failed"'),
    message: v.optional(Text),
    /** v1: what the command returns to a program, any JSON value. */
    result: v.optional(v.unknown()),
    ...timeFields,
  }),
});

export const ErrorMessage = v.object({
  type: v.literal("error"),
  request_id: v.optional(RequestId),
  timestamp: Timestamp,
  payload: v.object({
    code: Code,
    message: Text,
    ...timeFields,
  }),
});

/** v1, from the agent, first on every connection: who speaks, and which journal it keeps. */
export const Hello = v.object({
  type: v.literal("hello"),
  timestamp: Timestamp,
  payload: v.object({
    protocol_version: v.pipe(v.number(), v.integer(), v.minValue(1)),
    version: Code,
    /** Names the agent's memory: under another id nothing is remembered. */
    journal_id: RequestId,
    /** Of the latest `welcome` that this memory holds; a copy of it has an older one. */
    epoch: Count,
    /** Of the process that speaks, made at its start. */
    instance_id: RequestId,
    hostname: v.optional(v.pipe(v.string(), v.maxLength(253))),
    os: v.optional(Code),
    arch: v.optional(Code),
    /** Of the text of its `capabilities`. */
    capabilities_digest: v.optional(Digest),
    /** From its own configuration: good for targets, never for who may command it. */
    labels: v.optional(LabelSet),
  }),
});

/** v1, from the agent: the digest of its capabilities has changed; `text` where it was asked for. */
export const Capabilities = v.object({
  type: v.literal("capabilities"),
  timestamp: Timestamp,
  payload: v.object({
    digest: Digest,
    /** JSON: a list of `Capability`. */
    text: v.optional(v.pipe(v.string(), v.maxLength(capabilitiesBytesMax))),
  }),
});

/** v1, from the agent: a piece of what a program writes, for whoever asked for it by `subscribe_output`. */
export const Output = v.object({
  type: v.literal("output"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    subscription_id: Count,
    /** Counts the pieces of both streams, from 1; with `end`, the last there was. */
    sequence: Count,
    stream: v.optional(v.picklist(["stdout", "stderr"])),
    /** The piece as it is, in UTF-8; whatever is not UTF-8 comes as `base64`. */
    text: v.optional(v.pipe(v.string(), v.maxLength(outputChunkBytesMax))),
    base64: v.optional(v.pipe(v.string(), v.base64(), v.maxLength(2 * outputChunkBytesMax))),
    /** Pieces right before this one that are gone: nobody followed when they were written. */
    skipped: v.optional(Count),
    /** Nothing follows; it has no piece of its own. */
    end: v.optional(v.boolean()),
  }),
});

/** v1, to the agent: the answer to `hello`, and again whenever the advice changes. */
export const Welcome = v.object({
  type: v.literal("welcome"),
  timestamp: Timestamp,
  payload: v.object({
    protocol_version: v.pipe(v.number(), v.integer(), v.minValue(1)),
    agent_id: AgentId,
    /** What the agent's memory is to be named from now on, and its epoch; kept with it. */
    journal_id: RequestId,
    epoch: Count,
    /** How often to send a heartbeat. */
    heartbeat_seconds: v.pipe(v.number(), v.minValue(1), v.maxValue(3600)),
    /** Over how many seconds to spread a return after a lost connection. */
    reconnect_seconds: v.pipe(v.number(), v.minValue(0), v.maxValue(3600)),
    /** The agent's capabilities is not known here: it is to be sent. */
    send_capabilities: v.optional(v.boolean()),
  }),
});

/** v1, to the agent: the answer to this request is stored and need not be sent again. */
export const Ack = v.object({
  type: v.literal("ack"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: FreeObject,
});

/** v1, to the agent: this request is no longer wanted; what runs for it is to be stopped. */
export const Cancel = v.object({
  type: v.literal("cancel"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: FreeObject,
});

/**
 * v1, to the agent: pass on what this request's program writes behind a sequence number, for this
 * subscriber, until that is so many bytes; what was sent already for a former one counts. Repeated
 * from time to time, it says that the subscriber is still there and how far it has come.
 */
export const SubscribeOutput = v.object({
  type: v.literal("subscribe_output"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    subscription_id: Count,
    after: Count,
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(subscribeBytesMax)),
    /** The subscriber has left: it holds nothing up any more. */
    unsubscribe: v.optional(v.boolean()),
  }),
});

/** v1, to the agent, before an orderly close: when to come back. */
export const Goaway = v.object({
  type: v.literal("goaway"),
  timestamp: Timestamp,
  payload: v.object({ retry_after_seconds: v.pipe(v.number(), v.minValue(0), v.maxValue(3600)) }),
});

export type Command = v.InferOutput<typeof Command>;
export type StatusUpdate = v.InferOutput<typeof StatusUpdate>;
export type Heartbeat = v.InferOutput<typeof Heartbeat>;
export type Response = v.InferOutput<typeof Response>;
export type ErrorMessage = v.InferOutput<typeof ErrorMessage>;
export type Hello = v.InferOutput<typeof Hello>;
export type Welcome = v.InferOutput<typeof Welcome>;
export type Ack = v.InferOutput<typeof Ack>;
export type Cancel = v.InferOutput<typeof Cancel>;
export type Goaway = v.InferOutput<typeof Goaway>;
export type Capabilities = v.InferOutput<typeof Capabilities>;
export type SubscribeOutput = v.InferOutput<typeof SubscribeOutput>;
export type Output = v.InferOutput<typeof Output>;

/** What an agent may send, and what a control plane may send. */
export type AgentMessage =
  | StatusUpdate
  | Heartbeat
  | Response
  | ErrorMessage
  | Hello
  | Capabilities
  | Output;
export type ControlMessage =
  | Command
  | ErrorMessage
  | Welcome
  | Ack
  | Cancel
  | SubscribeOutput
  | Goaway;
export type Message = AgentMessage | ControlMessage;
