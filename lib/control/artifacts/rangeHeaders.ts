/**
 * The HTTP headers of transfers: Range and Content-Range (RFC 9110, section 14) and
 * Content-Disposition (RFC 6266).
 */
import { create } from "content-disposition";
import { parse } from "range-parser";
import { WsctlError } from "../../protocol/errors.ts";

/** From `start` up to, but not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Parses the `Content-Range: bytes A-B/T` header of an upload; undefined without one.
 *
 * @throws {WsctlError} MALFORMED if it does not match the announced size
 */
export function parseContentRange(text: string | undefined, bytes: number): ByteRange | undefined {
  if (text === undefined) return undefined;
  const parts = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text.trim());
  const [start, last, total] = (parts ?? []).slice(1).map(Number);
  const isWhole = start !== undefined && last !== undefined && total === bytes;
  if (isWhole && start <= last && last < bytes) return { start, end: last + 1 };
  const rule = `Content-Range must have the form "bytes FIRST-LAST/${bytes}"`;
  throw new WsctlError("MALFORMED", rule);
}

/**
 * Parses the range that a reader requests. Undefined means the whole content, also for several
 * ranges or an invalid header, as RFC 9110 allows, and if `If-Range` names other content.
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
  // An odd code means that a part of the header is invalid.
  if (type !== "bytes" || (code & 1) !== 0 || ranges.length > 1) return undefined;
  return range === undefined ? "unsatisfiable" : { start: range.start, end: range.end + 1 };
}

/** File names are untrusted, so they are escaped (RFC 6266, RFC 8187). */
export function attachment(name: string): string {
  return create(name);
}
