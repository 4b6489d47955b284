/** The HTTP headers of transfers: ranges both ways (RFC 9110, section 14), and a file's name. */
import { create } from "content-disposition";
import { parse } from "range-parser";
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
export function parseContentRange(text: string | undefined, bytes: number): ByteRange | undefined {
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
export function parseRange(
  text: string | undefined,
  ifRange: string | undefined,
  etag: string | undefined,
  bytes: number,
): ByteRange | "unsatisfiable" | undefined {
  if (text === undefined || (ifRange !== undefined && ifRange !== etag)) return undefined;
  const { code, type, ranges } = parse(bytes, text);
  const [range] = ranges;
  // An odd code: a part of the header could not be read.
  if (type !== "bytes" || (code & 1) !== 0 || ranges.length > 1) return undefined;
  return range === undefined ? "unsatisfiable" : { start: range.start, end: range.end + 1 };
}

/** A name is hostile text: whoever saves the file gets it escaped (RFC 6266, RFC 8187). */
export function attachment(name: string): string {
  return create(name);
}
