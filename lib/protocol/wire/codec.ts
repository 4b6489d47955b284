/**
 * The only place where messages are parsed and serialized. Size, depth and shape are checked on
 * receipt, and the size on sending.
 */
import * as v from "valibot";
import { type ErrorCode, unknownRequestId, WsctlError } from "../errors.ts";
import { findUnsafeNumber, isJsonObject, isWithinDepth } from "../json.ts";
import { depthMax, messageBytesMax } from "../limits.ts";
import { RequestId } from "../names.ts";
import { formatIssue } from "../schemaError.ts";
import { timestamp } from "../timestamp.ts";
import { isPlain, type PlainKind, plainKinds } from "./fastPath.ts";
import {
  Ack,
  type AgentMessage,
  Cancel,
  Capabilities,
  Command,
  type ControlMessage,
  ErrorMessage,
  Goaway,
  Heartbeat,
  Hello,
  type Message,
  OutputEnd,
  Response,
  StatusUpdate,
  SubscribeOutput,
  Welcome,
} from "./message.ts";
import { decodeOutputFrame, encodeOutputFrame, type Output } from "./outputFrame.ts";

/** A message before it is sent, without the time of sending. */
type WithoutTimestamp<M> = M extends unknown ? Omit<M, "timestamp"> : never;
export type AgentDraft = WithoutTimestamp<AgentMessage>;
export type ControlDraft = WithoutTimestamp<ControlMessage>;
/** What is always a text frame. */
type TextDraft = ControlDraft | Exclude<AgentDraft, { type: "output" }>;

/** Why a received text is not a valid message, with the text for the sender. */
export interface DecodeError {
  code: ErrorCode;
  text: string;
  /** The id in the invalid message if it could be read, otherwise `unknown`. */
  requestId: string;
  /** False for an invalid `error`, because an error is never answered with an error. */
  answer: boolean;
  /** A binary frame, after which the connection is closed. */
  isBinary?: true;
}

export type Decoded<M> =
  | { message: M; refusal?: never }
  | { message?: never; refusal: DecodeError };

/**
 * Whether the sender negotiated `wsctl.v1`; otherwise only the types of the standard are accepted.
 */
export interface DecodeOptions {
  isExtended: boolean;
}

type MessageSchema<M> = v.BaseSchema<unknown, M, v.BaseIssue<unknown>>;

/** A type of message: its schema, and a fast check for common messages. */
interface MessageKind<M> {
  schema: MessageSchema<M>;
  plain?: PlainKind;
}

const fromAgent: Direction<AgentMessage> = {
  standard: new Map<string, MessageKind<AgentMessage>>([
    ["heartbeat", { schema: Heartbeat, plain: plainKinds.heartbeat }],
    ["response", { schema: Response, plain: plainKinds.response }],
    ["status_update", { schema: StatusUpdate, plain: plainKinds.status_update }],
    ["error", { schema: ErrorMessage, plain: plainKinds.error }],
  ]),
  extended: new Map<string, MessageKind<AgentMessage>>([
    ["hello", { schema: Hello }],
    ["capabilities", { schema: Capabilities }],
    ["output", { schema: OutputEnd }],
  ]),
  otherSide: new Set(["command", "welcome", "ack", "cancel", "subscribe_output", "goaway"]),
};

const fromControl: Direction<ControlMessage> = {
  standard: new Map<string, MessageKind<ControlMessage>>([
    ["command", { schema: Command, plain: plainKinds.command }],
    ["error", { schema: ErrorMessage, plain: plainKinds.error }],
  ]),
  extended: new Map<string, MessageKind<ControlMessage>>([
    ["welcome", { schema: Welcome }],
    ["ack", { schema: Ack, plain: plainKinds.ack }],
    ["cancel", { schema: Cancel }],
    ["subscribe_output", { schema: SubscribeOutput, plain: plainKinds.subscribe_output }],
    ["goaway", { schema: Goaway }],
  ]),
  otherSide: new Set(["status_update", "heartbeat", "response", "hello", "capabilities", "output"]),
};

/** For a text of at most this length, depth is checked after parsing. */
const shortCharsMax = 1_024;

interface Direction<M> {
  standard: ReadonlyMap<string, MessageKind<M>>;
  extended: ReadonlyMap<string, MessageKind<M>>;
  /** Types that only the other side may send. */
  otherSide: ReadonlySet<string>;
}

/** Parses a message from an agent. A binary frame is a chunk of live output. */
export function decodeFromAgent(
  frame: string | Uint8Array,
  options: DecodeOptions,
): Decoded<AgentMessage> {
  return typeof frame === "string"
    ? decode(frame, fromAgent, options)
    : decodeBinary(frame, options);
}

/** Parses a message from a control plane. */
export function decodeFromControl(text: string, options: DecodeOptions): Decoded<ControlMessage> {
  return decode(text, fromControl, options);
}

/**
 * Serializes a message with the time of sending. A chunk of live output becomes a binary frame.
 *
 * @param now Milliseconds since 1970.
 * @throws {WsctlError} TOO_LARGE if the message is over the limit
 */
export function encode(draft: TextDraft, nowMs: number): string;
export function encode(draft: AgentDraft | ControlDraft, nowMs: number): string | Uint8Array;
export function encode(draft: AgentDraft | ControlDraft, nowMs: number): string | Uint8Array {
  if (draft.type === "output" && draft.payload.bytes !== undefined) return encodeChunk(draft);
  const id = "request_id" in draft && draft.request_id !== undefined ? draft.request_id : undefined;
  const text = JSON.stringify({
    type: draft.type,
    request_id: id,
    timestamp: timestamp(nowMs),
    payload: draft.payload,
  } satisfies { [K in keyof Message]: unknown } & { request_id: unknown });
  if (isOversize(text)) {
    throw new WsctlError("TOO_LARGE", `Cannot send a ${draft.type}: over ${messageBytesMax} bytes`);
  }
  return text;
}

function encodeChunk({ request_id: requestId, payload }: WithoutTimestamp<Output>): Uint8Array {
  const { subscription_id: subscriptionId, sequence, stream = "stdout", skipped = 0 } = payload;
  const { bytes = new Uint8Array() } = payload;
  return encodeOutputFrame({ requestId, subscriptionId, sequence, stream, skipped, bytes });
}

function decodeBinary(frame: Uint8Array, { isExtended }: DecodeOptions): Decoded<AgentMessage> {
  const { chunk, flaw = "frames are not agreed" } = isExtended ? decodeOutputFrame(frame) : {};
  if (chunk === undefined) {
    const { refusal } = reject<never>("MALFORMED", `binary ${flaw}`);
    return { refusal: { ...refusal, isBinary: true } };
  }
  const { requestId: request_id, subscriptionId: subscription_id, skipped, ...rest } = chunk;
  const payload = { subscription_id, ...rest, ...(skipped > 0 ? { skipped } : {}) };
  return { message: { type: "output", request_id, payload } };
}

function decode<M>(text: string, direction: Direction<M>, options: DecodeOptions): Decoded<M> {
  if (isOversize(text)) return reject("TOO_LARGE", `message is over ${messageBytesMax} bytes`);
  const isShort = text.length <= shortCharsMax;
  if (!isShort && !isWithinDepth(text, depthMax)) return rejectDeep();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return reject("MALFORMED", "message is not JSON");
  }
  if (!isJsonObject(value)) return reject("MALFORMED", "message must be a JSON object");
  const type = value.type;
  if (typeof type !== "string") return reject("MALFORMED", "type must be a string", value);
  const kind =
    direction.standard.get(type) ?? (options.isExtended ? direction.extended.get(type) : undefined);
  if (kind === undefined) return rejectType(type, direction, options, value);
  // Returned unchanged: its schema would return an equal value.
  if (kind.plain !== undefined && isPlain(value, kind.plain)) return { message: value as M };
  if (isShort && !isWithinDepth(text, depthMax)) return rejectDeep();
  const flaw = findUnsafeNumber(value);
  if (flaw !== undefined) return reject("MALFORMED", `message has ${flaw}`, value);
  const parsed = v.safeParse(kind.schema, value, { abortEarly: true });
  if (parsed.success) return { message: parsed.output };
  return reject("MALFORMED", formatIssue(parsed.issues[0]), value);
}

function rejectDeep<M>(): Decoded<M> {
  return reject("MALFORMED", `message is nested deeper than ${depthMax} levels`);
}

/** The size in UTF-8 bytes. Bytes are counted only if the number of characters does not decide. */
function isOversize(text: string): boolean {
  if (text.length > messageBytesMax) return true;
  return text.length * 3 > messageBytesMax && Buffer.byteLength(text) > messageBytesMax;
}

function rejectType<M>(
  type: string,
  direction: Direction<M>,
  options: DecodeOptions,
  value: Record<string, unknown>,
): Decoded<M> {
  const known = direction.otherSide.has(type) && (options.isExtended || type in standardTypes);
  return known
    ? reject("FORBIDDEN", `this peer may not send messages of this type`, value)
    : reject("UNSUPPORTED_TYPE", "message type is unknown", value);
}

const standardTypes = { command: true, status_update: true, heartbeat: true, response: true };

function reject<M>(
  code: ErrorCode,
  text: string,
  value?: Record<string, unknown>,
): Decoded<M> & { refusal: DecodeError } {
  const id = v.safeParse(RequestId, value?.request_id);
  return {
    refusal: {
      code,
      text,
      requestId: id.success ? id.output : unknownRequestId,
      answer: value?.type !== "error",
    },
  };
}
