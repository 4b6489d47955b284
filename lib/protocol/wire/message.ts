/**
 * The messages between agent and control plane, as schemas from which the types are inferred.
 *
 * The standard's five: `command` and `error` to the agent; `status_update`, `heartbeat`, `response`
 * and `error` from it. Peers that negotiated the subprotocol `wsctl.v1` also exchange `hello`,
 * `welcome`, `capabilities`, `ack`, `cancel`, `subscribe_output`, `output` and `goaway`, and use
 * the optional fields marked v1 below; other peers are never sent any of these. Unknown fields are
 * ignored. Sources: the communication standard, and `docs/protocol.md` for every decision beyond
 * it.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { LabelSet } from "../labels.ts";
import {
  capabilitiesBytesMax,
  codeCharsMax,
  lineageCharsMax,
  subscribeBytesMax,
  textCharsMax,
  timeoutSecondsMax,
} from "../limits.ts";
import { AgentId, CommandName, RequestId } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { Traceparent } from "../traceparent.ts";
import type { Output } from "./outputFrame.ts";
import { CommandSignatures } from "./signedCommand.ts";
import { ScheduleTerms } from "./signedSchedule.ts";
import { isCpuUsage, isMemoryUsage } from "./usageText.ts";

/** A free-form object; keys such as `__proto__` stay plain keys and are never merged. */
const FreeObject = v.custom<JsonObject>(isJsonObject, "must be an object");

const Code = v.pipe(v.string(), v.minLength(1), v.maxLength(codeCharsMax));
const Text = v.pipe(v.string(), v.maxLength(textCharsMax));
const Seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(timeoutSecondsMax));

/**
 * Another implementation may use the field differently: an invalid value is ignored, not rejected.
 */
const DurationMs = v.fallback(
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  undefined,
);

/** v1: how long the command ran, and the age of the response since then, in milliseconds. */
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
    /** v1: the time on the control plane's clock after which the command must not start. */
    expires_at: v.optional(Timestamp),
    /** v1: the position in a trace (W3C Trace Context), for the environment of the program. */
    traceparent: v.optional(Traceparent),
    /** Operators' signatures over this command for this agent; see `signedCommand.ts`. */
    signatures: v.optional(CommandSignatures),
    /** The time after which the signatures are invalid. */
    not_after: v.optional(Timestamp),
    /** The signed schedule whose run this is, which the signatures cover instead. */
    schedule: v.optional(ScheduleTerms),
    /** When the run was due, by the signed schedule. */
    due_at: v.optional(Timestamp),
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
    /** v1: the result of the command for programs, any JSON value. */
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

/** Opaque: it tells the control plane how far it was when it sent the `welcome`. */
const LineageText = v.pipe(v.string(), v.maxLength(lineageCharsMax));

/** v1, from the agent, first on every connection: identifies the agent and its journal. */
export const Hello = v.object({
  type: v.literal("hello"),
  timestamp: Timestamp,
  payload: v.object({
    protocol_version: v.pipe(v.number(), v.integer(), v.minValue(1)),
    version: Code,
    /** Identifies the agent's journal; under another id nothing is remembered. */
    journal_id: RequestId,
    /**
     * The epoch of the latest `welcome` in this journal; a copy of the journal has an older one.
     */
    epoch: Count,
    /** That of the latest `welcome`. */
    lineage: v.optional(LineageText),
    /** Identifies the process, generated at its start. */
    instance_id: RequestId,
    hostname: v.optional(v.pipe(v.string(), v.maxLength(253))),
    os: v.optional(Code),
    arch: v.optional(Code),
    /** The digest of the text of its `capabilities`. */
    capabilities_digest: v.optional(Digest),
    /** From its own configuration: used for targets, never for token scopes. */
    labels: v.optional(LabelSet),
  }),
});

/**
 * v1, from the agent: the digest of its capabilities has changed; with `text` if it was requested.
 */
export const Capabilities = v.object({
  type: v.literal("capabilities"),
  timestamp: Timestamp,
  payload: v.object({
    digest: Digest,
    /** JSON: a list of `Capability`. */
    text: v.optional(v.pipe(v.string(), v.maxLength(capabilitiesBytesMax))),
  }),
});

/** v1, from the agent: the end of a program's output, for a subscriber of `subscribe_output`. */
export const OutputEnd = v.object({
  type: v.literal("output"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    subscription_id: Count,
    /** The number of the last chunk. */
    sequence: Count,
    /** The number of chunks at the end that were dropped because no subscriber read them. */
    skipped: v.optional(Count),
    end: v.literal(true),
    /** The rest of the output exists no longer, and its length is not known. */
    incomplete: v.optional(v.literal(true)),
  }),
});

/** More nodes than this are not named to agents. */
const nodesMax = 64;
const NodeAddress = v.pipe(v.string(), v.maxLength(300), v.regex(/^https?:\/\/[^/?#@\s]+$/));

/** v1, to the agent: the reply to `hello`, sent again whenever the pacing changes. */
export const Welcome = v.object({
  type: v.literal("welcome"),
  timestamp: Timestamp,
  payload: v.object({
    protocol_version: v.pipe(v.number(), v.integer(), v.minValue(1)),
    agent_id: AgentId,
    /** The new id of the agent's journal and its epoch, stored with it. */
    journal_id: RequestId,
    epoch: Count,
    /** Returned in each later `hello`, unchanged. */
    lineage: v.optional(LineageText),
    /** The heartbeat interval. */
    heartbeat_seconds: v.pipe(v.number(), v.minValue(1), v.maxValue(3600)),
    /** The window in seconds over which agents spread reconnects. */
    reconnect_seconds: v.pipe(v.number(), v.minValue(0), v.maxValue(3600)),
    /** The agent's capabilities are unknown to the control plane and must be sent. */
    send_capabilities: v.optional(v.boolean()),
    /** `http(s)://HOST[:PORT]`: the nodes of the cluster, each of which the agent may connect to. */
    addresses: v.optional(v.pipe(v.array(NodeAddress), v.maxLength(nodesMax))),
  }),
});

/** v1, to the agent: the response is stored and need not be sent again. */
export const Ack = v.object({
  type: v.literal("ack"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: FreeObject,
});

/** v1, to the agent: cancels this request and stops its command. */
export const Cancel = v.object({
  type: v.literal("cancel"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: FreeObject,
});

/**
 * v1, to the agent: requests output after a sequence number for this subscriber, up to a number of
 * bytes; bytes sent for an earlier request count. It is repeated from time to time to renew the
 * subscription and to report progress.
 */
export const SubscribeOutput = v.object({
  type: v.literal("subscribe_output"),
  request_id: RequestId,
  timestamp: Timestamp,
  payload: v.object({
    subscription_id: Count,
    after: Count,
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(subscribeBytesMax)),
    /** Ends the subscription, so that it no longer blocks the program. */
    unsubscribe: v.optional(v.boolean()),
  }),
});

/** v1, to the agent, before an orderly close: when to reconnect. */
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

/** The messages that an agent sends, and those that a control plane sends. */
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
