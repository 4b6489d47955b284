/** Converts a search text to a query of the SQLite FTS5 index. */
import { WsctlError } from "../../../protocol/errors.ts";

/** Letters and digits of any script, split as the index does. */
const term = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
const termsMax = 16;

/**
 * Splits a search into words, all of which must match.
 *
 * @throws {WsctlError} MALFORMED if there are none or too many
 */
export function splitTerms(text: string): string[] {
  const words = text.normalize("NFC").match(term) ?? [];
  if (words.length > 0 && words.length <= termsMax) return [...new Set(words)];
  const rule = `1 to ${termsMax} whole words, in any order`;
  throw new WsctlError("MALFORMED", `Query parameter "search" must have ${rule}`);
}

/** Builds an FTS5 expression that requires all words. */
export function buildMatch(words: readonly string[]): string {
  return words.map((each) => `"${each}"`).join(" AND ");
}
