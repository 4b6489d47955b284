/**
 * Ids of jobs and requests as the index stores them: a UUID in canonical form as its 16 bytes, any
 * other id as the text that it is. UUIDs have the same order in both forms, and every text sorts
 * before every UUID.
 */

export type PackedId = string | Uint8Array;

const textLength = 36;
const byteCount = 16;
const dash = 45;
const dashesBefore = new Set([4, 6, 8, 10]);
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Sorts after every id. */
export const afterEveryId: PackedId = new Uint8Array(byteCount + 1).fill(0xff);

export function packId(id: string): PackedId {
  if (id.length !== textLength) return id;
  return packFrom(id, "0") ?? id;
}

export function unpackId(id: PackedId): string {
  if (typeof id === "string") return id;
  let text = "";
  for (let at = 0; at < byteCount; at++) {
    if (dashesBefore.has(at)) text += "-";
    text += hexOf[id[at] ?? 0];
  }
  return text;
}

/** Packs an id that may be absent. */
export const packOptional = (id: string | undefined): PackedId | null =>
  id === undefined ? null : packId(id);

/**
 * Returns the first id that a prefix can begin, and a bound behind the last one: once for UUIDs, if
 * a UUID can begin so, and once for texts.
 */
export function packedRanges(prefix: string): [first: PackedId, end: PackedId][] {
  const first = packFrom(prefix, "0");
  const last = packFrom(prefix, "f");
  const texts: [PackedId, PackedId] = [prefix, `${prefix}~`];
  if (first === undefined || last === undefined) return [texts];
  const end = new Uint8Array(byteCount + 1);
  end.set(last);
  return [[first, end], texts];
}

/** Returns the UUID that begins with this text, and goes on with one digit; undefined if none. */
function packFrom(text: string, rest: "0" | "f"): Uint8Array | undefined {
  if (text.length > textLength) return undefined;
  const padding = digitOf(rest.charCodeAt(0));
  const next = () => (at < text.length ? digitOf(text.charCodeAt(at++)) : padding);
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (let index = 0; index < byteCount; index++) {
    if (dashesBefore.has(index) && at < text.length && text.charCodeAt(at++) !== dash) {
      return undefined;
    }
    const high = next();
    const low = next();
    if (high < 0 || low < 0) return undefined;
    bytes[index] = high * 16 + low;
  }
  return bytes;
}

/** The value of a lower-case hexadecimal digit; negative for any other character. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}
