/** The answers an executor gives by itself, and any answer as a message: cut to what a message may hold, and in the words the peer knows. */
import type { AgentDraft } from "../protocol/codec.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import { messageBytesMax, textCharsMax } from "../protocol/limits.ts";
import type { Answer } from "./records.ts";

/** Room for the envelope around an answer, in bytes. */
const envelopeBytes = 2_048;

/** The answer itself, or an error that says it is too large: decided before it is stored. */
export function fittingAnswer(answer: Answer): Answer {
  const message = answer.message === undefined ? undefined : cut(answer.message);
  const fitting = { ...answer, ...(message === undefined ? {} : { message }) } as Answer;
  const bytes = Buffer.byteLength(JSON.stringify(fitting));
  if (bytes <= messageBytesMax - envelopeBytes) return fitting;
  const text = `the answer of ${bytes} bytes is over the limit of one message`;
  return { type: "error", code: "TOO_LARGE", message: text };
}

/** A peer of the standard alone knows no `result`: it gets it as JSON within the message. */
export function messageOf(requestId: string, answer: Answer, v1: boolean): AgentDraft {
  if (answer.type === "error") {
    const { code, message } = answer;
    return { type: "error", request_id: requestId, payload: { code, message } };
  }
  const { status, message, result } = answer;
  if (v1) {
    const extra = {
      ...(message === undefined ? {} : { message }),
      ...(result === undefined ? {} : { result }),
    };
    return { type: "response", request_id: requestId, payload: { status, ...extra } };
  }
  const parts = [message, result === undefined ? undefined : JSON.stringify(result)];
  const text = cut(parts.filter((part) => part !== undefined).join("\n"));
  const payload = { status, ...(text === "" ? {} : { message: text }) };
  return { type: "response", request_id: requestId, payload };
}

export function failure(code: ErrorCode, message: string): Answer {
  return { type: "error", code, message };
}

export function timedOut(timeoutMs: number): Answer {
  return failure("TIMEOUT", `the command was stopped at its timeout of ${timeoutMs / 1000} s`);
}

export function cannotSave(): Answer {
  return failure("STORAGE_UNAVAILABLE", "the agent cannot write its journal; it was not run");
}

/** The command was begun, and was on record as begun; what it is for was not done. */
export function notRestarted(): Answer {
  const message = "restart given up: the agent cannot write its journal";
  return { type: "response", status: "failed", message };
}

/** By the process that came back, which is the proof. */
export function restarted(self: { pid: number; version: string }, awayMs: number): Answer {
  const seconds = (awayMs / 1000).toFixed(1);
  const message = `restarted after ${seconds} s as process ${self.pid}, version ${self.version}`;
  return { type: "response", status: "success", message, result: { ...self } };
}

function cut(text: string): string {
  const whole = text.toWellFormed();
  if (whole.length <= textCharsMax) return whole;
  const mark = ` … [cut: ${whole.length} characters in all]`;
  return whole.slice(0, textCharsMax - mark.length).toWellFormed() + mark;
}
