/** Refusals in the words that an operator or a peer is told. */
import { unknownRequestId, WsctlError } from "../../protocol/errors.ts";
import type { DecodeError } from "../../protocol/wire/codec.ts";
import type { ControlEffect } from "./model.ts";

export function storageError(): WsctlError {
  return new WsctlError(
    "STORAGE_UNAVAILABLE",
    "Cannot accept the job: the journal cannot be written (is the disk full?); nothing was done",
  );
}

export function commitFailedError(cause: unknown): WsctlError {
  const text = "Cannot accept the job: the journal could not be written; nothing was done";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

export function drainingError(): WsctlError {
  return new WsctlError(
    "UNAVAILABLE",
    "Cannot accept the job: the control plane is going down; send it again when it is back",
  );
}

export function duplicateHello(): DecodeError {
  const text = "hello was already said on this connection";
  return { code: "MALFORMED", text, requestId: unknownRequestId, answer: true };
}

/** For what is said of an agent: it holds, and is written as soon as it can be. */
export function notYetDurable(): WsctlError {
  const text =
    "it holds from now on, but could not be written yet (is the disk full?): it is written when there is room, unless the control plane is restarted before";
  return new WsctlError("STORAGE_UNAVAILABLE", text);
}

/** For a revocation: it is carried out all the same. */
export function bufferedInMemory(cause: unknown): WsctlError {
  const text =
    "it is shut out from now on, but that could not be written (is the disk full?): make room, as it would be let in again by a control plane that restarts before; it is written as soon as it can be";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

/** Nothing is done that could not be recorded first. */
export function auditUnavailable(cause: unknown): WsctlError {
  const text = "the audit trail cannot be written: nothing was done";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

/** Tells a peer why its message was not taken; a broken error message is not answered. */
export function errorEffects(sessionId: number, refusal: DecodeError): ControlEffect[] {
  const { answer, code, text, requestId: request_id } = refusal;
  if (!answer) return [];
  const payload = { code, message: text };
  return [{ type: "send", sessionId, message: { type: "error", request_id, payload } }];
}
