/** What an operator searches for, as the full-text index takes it. */
import { WsctlError } from "../../../protocol/errors.ts";

/** Letters and digits of any script, as the index cuts texts into words. */
const term = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
const termsMax = 16;

/** The words of a search, each of which has to be there; throws `MALFORMED` where there is none. */
export function splitTerms(text: string): string[] {
  const words = text.normalize("NFC").match(term) ?? [];
  if (words.length > 0 && words.length <= termsMax) return [...new Set(words)];
  const rule = `1 to ${termsMax} words, whole ones, in any order`;
  throw new WsctlError("MALFORMED", `Query parameter "search" must have ${rule}`);
}

/** All of them, in the language of the index. */
export function buildMatch(words: readonly string[]): string {
  return words.map((each) => `"${each}"`).join(" AND ");
}
