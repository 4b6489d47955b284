/** Refusals about artifacts in the words that an agent or an operator is told. */
import { errorText, WsctlError } from "../../protocol/errors.ts";

export function notUploadedError(offset: number, bytes: number): WsctlError {
  const text = `only ${offset} of ${bytes} bytes have arrived: upload the rest, then complete it`;
  return new WsctlError("CONFLICT", text);
}

export function otherContentError(what: string): WsctlError {
  const text = `${what}; what was uploaded is discarded: upload it again from the start`;
  return new WsctlError("CHECKSUM_MISMATCH", text);
}

/** A write that failed, most often on a full disk; anything of ours passes as it is. */
export function storageError(what: string, error: unknown): WsctlError {
  if (error instanceof WsctlError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : errorText(error);
  const text = `Cannot store ${what}: ${reason}; what arrived before is kept, try again later`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}
