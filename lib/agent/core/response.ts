/**
 * The responses that an executor creates itself, and the message for any response: truncated to the
 * limit of a message, and in the form that the peer knows.
 */
import { type ErrorCode, errorText } from "../../protocol/errors.ts";
import { findUnsafeNumber, isWithinDepth } from "../../protocol/json.ts";
import { depthMax, messageBytesMax, textCharsMax } from "../../protocol/limits.ts";
import { nearest } from "../../protocol/nearest.ts";
import { truncatedMark } from "../../protocol/omission.ts";
import type { AgentDraft } from "../../protocol/wire/codec.ts";
import type { CommandResult, ProcessInfo, ResponseBody, StopReason, Update } from "./model.ts";

/** The bytes of a message that remain for the response, without its envelope. */
const roomBytes = messageBytesMax - 2_048;

/** A text of this length fits in any case: an escaped character takes six bytes at most. */
const escapedCharsMax = Math.floor(roomBytes / 6);

/**
 * Truncates a response to the limit of a message, before it is stored. The status never changes: a
 * result that does not fit is omitted, and the message says why.
 */
export function truncateResponse(answer: ResponseBody): ResponseBody {
  const message = answer.message === undefined ? undefined : cut(answer.message);
  const fitting = { ...answer, ...(message === undefined ? {} : { message }) } as ResponseBody;
  const flaw = findFlaw(fitting);
  if (flaw === undefined || fitting.type === "error") return fitting;
  const { status } = fitting;
  const note = `[result omitted: it ${flaw}]`;
  const text = cut([note, message].filter((part) => part !== undefined).join("\n"), note.length);
  const result = { result_fault: `the result was omitted: it ${flaw}` };
  return { type: "response", status, message: text, result };
}

/** Returns why the result cannot be sent, or undefined if it can. */
function findFlaw(answer: ResponseBody): string | undefined {
  let json: string;
  try {
    json = JSON.stringify(answer);
  } catch (error) {
    return `is not valid JSON: ${errorText(error)}`;
  }
  const flaw = findUnsafeNumber(JSON.parse(json));
  if (flaw !== undefined) return `has ${flaw}`;
  // The message nests the response one level deeper.
  if (!isWithinDepth(json, depthMax - 1)) return "is nested too deeply for a message";
  const bytes = Buffer.byteLength(json);
  return bytes <= roomBytes ? undefined : `exceeds the limit of a message: ${bytes} bytes with it`;
}

/**
 * A standard peer does not know `result`: it gets the result as JSON in the message.
 * @param responseAgeMs Milliseconds since the command ended.
 */
export function buildMessage(
  requestId: string,
  answer: ResponseBody,
  isExtended: boolean,
  responseAgeMs = 0,
): AgentDraft {
  const { executionMs } = answer;
  const response_age_ms = Math.max(0, Math.round(responseAgeMs));
  const times =
    isExtended && executionMs !== undefined ? { execution_ms: executionMs, response_age_ms } : {};
  if (answer.type === "error") {
    const { code, message } = answer;
    return { type: "error", request_id: requestId, payload: { code, message, ...times } };
  }
  const { status, message, result } = answer;
  if (isExtended) {
    const extra = {
      ...(message === undefined ? {} : { message }),
      ...(result === undefined ? {} : { result }),
      ...times,
    };
    return { type: "response", request_id: requestId, payload: { status, ...extra } };
  }
  const parts = [message, result === undefined ? undefined : JSON.stringify(result)];
  const text = cut(parts.filter((part) => part !== undefined).join("\n"));
  const payload = { status, ...(text === "" ? {} : { message: text }) };
  return { type: "response", request_id: requestId, payload };
}

/** Returns the response for the end of a command. */
export function answerOf(
  result: Exclude<CommandResult, { status: "restart" }>,
  timeoutMs: number,
): ResponseBody {
  if (result.status === "unknown") return failure("INTERRUPTED", result.message);
  if (result.status === "not_started") return failure("NOT_STARTED", result.message);
  const { ranMs, ...rest } = result;
  const times = ranMs === undefined ? {} : { executionMs: ranMs };
  if (rest.status === "stopped") {
    const { why, hasBegun, output } = rest;
    if (hasBegun) return { ...stopped(why, timeoutMs, output), ...times };
    if (why === "cancel") return cancelled();
    const text = `the timeout of ${timeoutMs / 1000} s passed before the program started`;
    return failure("NOT_STARTED", text);
  }
  return { type: "response", ...rest, ...times };
}

export function failure(code: ErrorCode, message: string): ResponseBody {
  return { type: "error", code, message };
}

export function stopped(why: StopReason, timeoutMs: number, output = ""): ResponseBody {
  const isTimeout = why === "timeout";
  const text = isTimeout
    ? `the command was stopped at its timeout of ${timeoutMs / 1000} s`
    : "the job was cancelled, and the command was stopped";
  return failure(
    isTimeout ? "TIMEOUT" : "STOPPED",
    [text, output.trimEnd()].filter((part) => part !== "").join("\n"),
  );
}

export function cancelled(): ResponseBody {
  return failure("CANCELLED", "cancelled before it started");
}

export function cannotSave(): ResponseBody {
  return failure("STORAGE_UNAVAILABLE", "the agent cannot write its journal; it was not run");
}

/** The restart command started, and its start was stored, but the process was not replaced. */
export function notRestarted(reason: string): ResponseBody {
  return failure("NOT_STARTED", `restart failed: ${reason}`);
}

/**
 * The new process sends this response, which proves the restart. The message has nothing that
 * differs between hosts, so that equal answers of many agents are shown as one.
 */
export function restarted({ pid, version }: ProcessInfo, awayMs: number): ResponseBody {
  const result = { pid, version, away_ms: wholeMs(awayMs) };
  return { type: "response", status: "success", message: `restarted, version ${version}`, result };
}

/** The version that runs in the end sends this response. */
export function updated({ from, to }: Update, self: ProcessInfo, awayMs: number): ResponseBody {
  const { pid, version, trialFault = "it was interrupted" } = self;
  const isNew = version === to;
  const message = isNew
    ? `updated from ${from} to ${to}`
    : `rolled back to ${version}: ${to} failed its trial: ${trialFault}`;
  const result = { from, to, version, pid, away_ms: wholeMs(awayMs) };
  return { type: "response", status: isNew ? "success" : "failed", message, result };
}

function wholeMs(ms: number): number {
  return Math.round(Math.max(0, ms));
}

function cut(text: string, lessChars = 0): string {
  const whole = text.toWellFormed();
  const isRoomy = Buffer.byteLength(JSON.stringify(whole)) <= roomBytes;
  const charsMax = (isRoomy ? textCharsMax : escapedCharsMax) - lessChars;
  if (whole.length <= charsMax) return whole;
  const mark = truncatedMark(whole.length);
  return whole.slice(0, charsMax - mark.length).toWellFormed() + mark;
}

/** The error for a command that this agent does not have. */
export function unknownCommand(name: string, known: readonly string[]) {
  const close = nearest(name, known);
  const hint = close === undefined ? "" : ` Did you mean '${close}'?`;
  const message = `The command '${name}' is not recognized.${hint} This agent knows: ${known.join(", ")}.`;
  return { code: "INVALID_COMMAND", message } as const;
}
