/**
 * Texts of agents in the index. Some functions of SQLite end a text at NUL, and so does reading
 * under Deno, so NUL is stored as two noncharacters of Unicode.
 */

const mark = "\uFDD0";
const marked = { [mark]: `${mark}\uFDD1`, "\0": `${mark}\uFDD2` } as Record<string, string>;

export function escapeNul(text: string): string {
  return text.replaceAll(/[\0\uFDD0]/g, (char) => marked[char] ?? char);
}

/** Reverses `escapeNul`, also for a beginning of what it returned. */
export function unescapeNul(text: string): string {
  return text.replaceAll(/\uFDD0([\uFDD1\uFDD2]?)/g, (_found, kind: string) =>
    kind === "\uFDD2" ? "\0" : kind === "\uFDD1" ? mark : "",
  );
}
