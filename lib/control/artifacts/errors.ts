/** Errors about artifacts. */
import { errorText, WsctlError } from "../../protocol/errors.ts";

export function notUploadedError(offset: number, bytes: number): WsctlError {
  const text = `Only ${offset} of ${bytes} bytes were received. Upload the rest, then complete the artifact`;
  return new WsctlError("CONFLICT", text);
}

export function otherContentError(what: string): WsctlError {
  const text = `${what}. The uploaded bytes were discarded. Upload the content again from the start`;
  return new WsctlError("CHECKSUM_MISMATCH", text);
}

/** Wraps a failed write, most often on a full disk. A `WsctlError` is returned as it is. */
export function storageError(what: string, error: unknown): WsctlError {
  if (error instanceof WsctlError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : errorText(error);
  const text = `Cannot store ${what}: ${reason}. The bytes received so far are kept. Try again later`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}
