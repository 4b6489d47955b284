/** The messages with which requests of operators and messages of agents are rejected. */
import { unknownRequestId, WsctlError } from "../../protocol/errors.ts";
import type { DecodeError } from "../../protocol/wire/codec.ts";
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type { ControlEffect } from "./model.ts";

/** @param cause Why the journal cannot be written, if it is known. */
export function storageError(cause?: unknown): WsctlError {
  if (cause instanceof WsctlError && !isOfDisk(cause)) {
    const text = `Cannot accept the change: ${lowerFirst(cause.message)}. Nothing was changed`;
    return new WsctlError("UNAVAILABLE", text, { cause });
  }
  return new WsctlError(
    "STORAGE_UNAVAILABLE",
    "Cannot accept the job: the journal cannot be written. Check whether the disk is full. Nothing was changed",
  );
}

/** For a decision about a job or an agent, which may have been stored. */
export function decisionError(cause: unknown): WsctlError {
  if (!(cause instanceof WsctlError) || cause.code !== "UNCONFIRMED") return storageError(cause);
  const text = `Cannot tell whether the change was stored: ${lowerFirst(cause.message)}`;
  return new WsctlError("UNCONFIRMED", text, { cause });
}

export function commitFailedError(cause: unknown): WsctlError {
  if (cause instanceof WsctlError && cause.code === "UNCONFIRMED") {
    const text = `Cannot tell whether the job was accepted: ${lowerFirst(cause.message)}`;
    return new WsctlError("UNCONFIRMED", `${text}. ${repeatAdvice}`, { cause });
  }
  if (cause instanceof WsctlError && !isOfDisk(cause)) return storageError(cause);
  const text = "Cannot accept the job: the journal cannot be written. Nothing was changed";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

export function drainingError(): WsctlError {
  return new WsctlError(
    "UNAVAILABLE",
    "Cannot accept the job: the control plane is shutting down. Send the job again after the restart",
  );
}

export function duplicateHello(): DecodeError {
  const text = "hello was already received on this connection";
  return { code: "MALFORMED", text, requestId: unknownRequestId, answer: true };
}

/** For a response to a request that was sent to another agent. */
export function foreignRequest({ type, request_id }: Response | ErrorMessage): DecodeError {
  const text = "Request was sent to another agent";
  const requestId = request_id ?? unknownRequestId;
  return { code: "FORBIDDEN", text, requestId, answer: type === "response" };
}

/** For a change to an agent that applies now and is saved as soon as the journal is writable. */
export function notYetDurable(cause: unknown): WsctlError {
  if (cause instanceof WsctlError && !isOfDisk(cause)) {
    const text = `Change applied here, but perhaps not saved: ${lowerFirst(cause.message)}`;
    return new WsctlError("UNCONFIRMED", text, { cause });
  }
  const text =
    "Change applied, but not saved: the journal cannot be written. Free some disk space. The change is lost if the control plane restarts first";
  return new WsctlError("STORAGE_UNAVAILABLE", text);
}

/** For a revocation that applies although it is not saved yet. */
export function bufferedInMemory(cause: unknown): WsctlError {
  const text =
    "Revoked, but not saved: the journal cannot be written. Free some disk space. The revocation is lost if the control plane restarts first";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

/** For an action that was not run because it could not be recorded. */
export function auditUnavailable(cause: unknown): WsctlError {
  if (cause instanceof WsctlError && !isOfDisk(cause)) {
    const text = `Cannot record the change, so it was not made: ${lowerFirst(cause.message)}`;
    return new WsctlError("UNAVAILABLE", text, { cause });
  }
  const text = "Cannot write the audit trail. Check whether the disk is full. Nothing was changed";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

/** Tells a peer why its message was rejected. An invalid error message gets no reply. */
export function errorEffects(sessionId: number, refusal: DecodeError): ControlEffect[] {
  const { answer, code, text, requestId: request_id } = refusal;
  if (!answer) return [];
  const payload = { code, message: text };
  return [{ type: "send", sessionId, message: { type: "error", request_id, payload } }];
}

const repeatAdvice = "Send it again with the same Idempotency-Key: it is not run twice";

/** The log of a cluster is elsewhere, and a full disk is not what is wrong with it. */
function isOfDisk({ code }: WsctlError): boolean {
  return code !== "UNAVAILABLE" && code !== "UNCONFIRMED";
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
