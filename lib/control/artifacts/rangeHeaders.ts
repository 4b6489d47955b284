/** The HTTP headers of transfers: ranges both ways, and a file's name. */
import { WsctlError } from "../../protocol/errors.ts";

/** From `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * `Content-Range: bytes A-B/T` of an upload, or undefined without one. Throws `MALFORMED` for one
 * that does not fit what was announced.
 */
export function contentRange(text: string | undefined, bytes: number): ByteRange | undefined {
  if (text === undefined) return undefined;
  const parts = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text.trim());
  const [start, last, total] = (parts ?? []).slice(1).map(Number);
  const isWhole = start !== undefined && last !== undefined && total === bytes;
  if (isWhole && start <= last && last < bytes) return { start, end: last + 1 };
  const rule = `Content-Range must read "bytes FIRST-LAST/${bytes}" with places within that`;
  throw new WsctlError("MALFORMED", rule);
}

/**
 * The one range that a reader asks for. Undefined means the whole: also where several are asked
 * for or the header cannot be read, as the standard allows, and where `If-Range` names another
 * content.
 */
export function rangeOf(
  text: string | undefined,
  ifRange: string | undefined,
  etag: string | undefined,
  bytes: number,
): ByteRange | "unsatisfiable" | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text?.trim() ?? "");
  if (parts === null || (ifRange !== undefined && ifRange !== etag)) return undefined;
  const [, first = "", last = ""] = parts;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), bytes);
    return length === 0 ? "unsatisfiable" : { start: bytes - length, end: bytes };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= bytes) return "unsatisfiable";
  return { start, end: last === "" ? bytes : Math.min(Number(last) + 1, bytes) };
}

/** A name is hostile text: whoever saves the file gets it escaped, and never as a page to show. */
export function attachment(name: string): string {
  const escaped = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${escaped}`;
}
