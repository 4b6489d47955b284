/** What the product says to an input, in one line: the same on every runtime, and never a throw. */
import * as v from "valibot";
import { JobRequest } from "../../lib/protocol/api/jobs.ts";
import { TokenRequest } from "../../lib/protocol/api/tokens.ts";
import { isErrorCode, WsctlError } from "../../lib/protocol/errors.ts";
import { findUnsafeNumber, isWithinDepth } from "../../lib/protocol/json.ts";
import { depthMax } from "../../lib/protocol/limits.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import {
  type AgentDraft,
  type ControlDraft,
  type Decoded,
  decodeFromAgent,
  decodeFromControl,
  encode,
} from "../../lib/protocol/wire/codec.ts";
import type { AgentMessage, ControlMessage } from "../../lib/protocol/wire/message.ts";
import type { Input } from "./grammar.ts";

const sentAt = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Longest sentence that a refusal may have: it goes to the sender, and into its log. */
const refusalCharsMax = 300;

export function verdictOf({ kind, text }: Input): string {
  const head = headOf(text);
  const parts = [
    readingOf("agent v1", text, head, decodeFromAgent, true),
    readingOf("agent", text, head, decodeFromAgent, false),
    readingOf("control v1", text, head, decodeFromControl, true),
    readingOf("control", text, head, decodeFromControl, false),
  ];
  if (kind === "job") parts.push(`job ${bodyOf(text, JobRequest)}`);
  if (kind === "token") parts.push(`token ${bodyOf(text, TokenRequest)}`);
  return `${text.length} ${parts.join(" | ")}`;
}

type Decode = (
  text: string,
  options: { isExtended: boolean },
) => Decoded<AgentMessage> | Decoded<ControlMessage>;

/** What the decoder must have seen of a message, if it has looked at more than its size. */
interface Head {
  type: unknown;
  request_id: unknown;
}

function headOf(text: string): Head | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function readingOf(
  side: string,
  text: string,
  head: Head | undefined,
  decode: Decode,
  isExtended: boolean,
): string {
  const decoded = decode(text, { isExtended });
  const { message, refusal } = decoded;
  if ((message === undefined) === (refusal === undefined)) {
    throw new Error(`${side}: neither a message nor a refusal, or both`);
  }
  if (refusal !== undefined) {
    const { code, text: words, requestId, answer } = refusal;
    if (!isErrorCode(code)) throw new Error(`${side}: ${code} is not in the table`);
    if (!isSayable(words)) throw new Error(`${side}: refused in odd words ${words}`);
    // Of what is too large or too deep nothing was read.
    const isRead = code !== "TOO_LARGE" && !words.includes("deeper");
    const isError = isRead && head?.type === "error";
    if (answer === isError) throw new Error(`${side}: ${isError ? "answers an" : "no"} error`);
    if (requestId !== "unknown" && !(isRead && requestId === head?.request_id)) {
      throw new Error(`${side}: another request id, ${requestId}`);
    }
    return `${side} ${code} ${words} [${requestId}]${answer ? "" : " unanswered"}`;
  }
  if (!isWritable(message)) throw new Error(`${side}: took what cannot be written`);
  if (!isExtended && !standardTypes.has(message.type))
    throw new Error(`${side}: took ${message.type}`);
  const expiry = message.type === "command" ? message.payload.expires_at : undefined;
  for (const moment of [message.timestamp, expiry]) {
    if (moment !== undefined && !exists(moment))
      throw new Error(`${side}: took ${moment} for a moment`);
  }
  return `${side} ${message.type} ${survives(side, message, decode, isExtended)}`;
}

const standardTypes = new Set(["command", "response", "status_update", "heartbeat", "error"]);

/** Written down again by the calendar it is the same second: no 30th of February, no hour 24. */
function exists(moment: string): boolean {
  const second = moment.slice(0, 19);
  return new Date(`${second}Z`).toISOString().slice(0, 19) === second;
}

/** By a rule of its own, so that the product's is not judged by itself. */
export function isWritable(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string") return !/\p{Cs}/u.test(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, one]) => isWritable(key) && isWritable(one));
}

function isSayable(words: string): boolean {
  return words.length <= refusalCharsMax && words !== "" && !/[\p{C}\p{Zl}\p{Zp}]/u.test(words);
}

/** A message that was taken can be passed on: written down again it is the same message. */
function survives(
  side: string,
  message: AgentMessage | ControlMessage,
  decode: Decode,
  isExtended: boolean,
): string {
  let text: string;
  try {
    text = String(encode(message as AgentDraft | ControlDraft, sentAt));
  } catch (error) {
    // `1e20` takes four characters and is written with twenty-one.
    if (error instanceof WsctlError && error.code === "TOO_LARGE") return "grows";
    throw error;
  }
  const again = decode(text, { isExtended }).message;
  const expected = { ...message, timestamp: "2026-01-02T03:04:05.000Z" };
  if (!isSame(again, expected)) throw new Error(`${side}: ${text} is read as another message`);
  return "survives";
}

/** Equal in every part; a negative zero is written as zero, and keys have no order. */
export function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return one === other;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(other, key) &&
      isSame((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
  );
}

/** What the API makes of a body, by the steps of its own reading. */
function bodyOf(text: string, schema: v.GenericSchema): string {
  if (!isWithinDepth(text, depthMax - 1)) return "too deep";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  const flaw = findUnsafeNumber(value);
  if (flaw !== undefined) return flaw;
  const parsed = v.safeParse(schema, value);
  if (parsed.success) {
    const again = v.safeParse(schema, JSON.parse(JSON.stringify(parsed.output)));
    if (!isSame(again.output, parsed.output)) throw new Error("the body is read as another one");
    return "taken";
  }
  const words = formatIssue(parsed.issues[0]);
  if (!isSayable(words)) throw new Error(`refused in odd words ${words}`);
  return words;
}
