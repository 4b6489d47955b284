/** Why no job is accepted at the moment, in the words that the operator is told. */
import { WsctlError } from "../protocol/errors.ts";

export function storageError(): WsctlError {
  return new WsctlError(
    "STORAGE_UNAVAILABLE",
    "Cannot accept the job: the journal cannot be written (is the disk full?); nothing was done",
  );
}

export function drainingError(): WsctlError {
  return new WsctlError(
    "UNAVAILABLE",
    "Cannot accept the job: the control plane is going down; send it again when it is back",
  );
}
