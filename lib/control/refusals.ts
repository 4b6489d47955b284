/** Refusals in the words that an operator or a peer is told. */
import type { Refusal } from "../protocol/codec.ts";
import { unknownRequestId, WsctlError } from "../protocol/errors.ts";

export function storageError(): WsctlError {
  return new WsctlError(
    "STORAGE_UNAVAILABLE",
    "Cannot accept the job: the journal cannot be written (is the disk full?); nothing was done",
  );
}

export function unstored(cause: unknown): WsctlError {
  const text = "Cannot accept the job: the journal could not be written; nothing was done";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}

export function drainingError(): WsctlError {
  return new WsctlError(
    "UNAVAILABLE",
    "Cannot accept the job: the control plane is going down; send it again when it is back",
  );
}

export function helloTwice(): Refusal {
  const text = "hello was already said on this connection";
  return { code: "MALFORMED", text, requestId: unknownRequestId, answer: true };
}

/** Nothing is done that could not be recorded first. */
export function auditUnavailable(cause: unknown): WsctlError {
  const text = "the audit trail cannot be written: nothing was done";
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause });
}
