/**
 * Compares what a page shows with what the binary printed, up to the volatile parts that the page
 * marks. `CONTRIBUTING.md` describes the notation.
 */

/** What a `volatile` comment may name. Every match is replaced on both sides by its name. */
export const volatileClasses: Readonly<Record<string, RegExp>> = {
  time: /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/g,
  duration: /\b\d+(?:\.\d+)? ?(?:ms|s|min|h)\b/g,
  id: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
  token: /\b(?=[0-9a-f]*[a-f]|\d{12}\b)[0-9a-f]{12}\b/g,
  hash: /\b[0-9a-f]{64}\b/g,
  version: /\b\d+\.\d+\.\d+\b/g,
  size: /\b\d+(?:\.\d+)? ?(?:GB|MB|KB|B)\b/g,
  percent: /\b\d+(?:\.\d+)?%/g,
  process: /(?<=process |pid=|"pid": ?)\d+\b/g,
  bars: /[▁▂▃▄▅▆▇█]+/g,
};

/** Values of `<NAME>` placeholders, in the order of the page. */
export type Bindings = Map<string, string>;

export interface Expectation {
  expected: readonly string[];
  volatile: readonly string[];
  isUnordered: boolean;
}

/** Returns what differs, as text to show, or undefined; learns placeholders on the way. */
export function difference(
  actual: readonly string[],
  { expected, volatile, isUnordered }: Expectation,
  bindings: Bindings,
): string | undefined {
  const clean = (lines: readonly string[]) => {
    const cleaned = trimmed(lines.map((line) => normalise(line, volatile)));
    return isUnordered ? cleaned.sort() : cleaned;
  };
  const shown = clean(expected);
  const printed = clean(actual);
  // Placeholders stand for what was printed, which the normalised lines no longer have.
  const raw = trimmed(actual.map((line) => normalise(line, [])));
  const lines = isUnordered ? raw.sort(byNormalised(volatile)) : raw;
  return matchAll(shown, lines, bindings)
    ? undefined
    : `the page shows:\n${shown.join("\n")}\nthe binary printed:\n${printed.join("\n")}`;
}

/** Whether one line of a log is the line that a page shows; learns placeholders. */
export function isLine(
  actual: string,
  expected: string,
  volatile: readonly string[],
  bindings: Bindings,
): boolean {
  return matchLine(normalise(expected, volatile), normalise(actual, []), bindings);
}

/** Replaces the volatile parts, and the padding of tables, which depends on them. */
export function normalise(line: string, volatile: readonly string[]): string {
  let text = line;
  for (const name of volatile) {
    const pattern = volatileClasses[name];
    if (pattern === undefined) throw new Error(`unknown volatile class "${name}"`);
    text = text.replace(pattern, `{${name}}`);
  }
  return text.replace(/(\S) {2,}/g, "$1  ").trimEnd();
}

function byNormalised(volatile: readonly string[]) {
  return (one: string, two: string) =>
    normalise(one, volatile) < normalise(two, volatile) ? -1 : 1;
}

/** A line `…` alone stands for any lines, also none. */
function matchAll(
  expected: readonly string[],
  actual: readonly string[],
  bindings: Bindings,
): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === "…") {
    for (let skip = 0; skip <= actual.length; skip++) {
      const attempt = new Map(bindings);
      if (!matchAll(rest, actual.slice(skip), attempt)) continue;
      for (const [name, value] of attempt) bindings.set(name, value);
      return true;
    }
    return false;
  }
  const [line, ...more] = actual;
  if (line === undefined || !matchLine(first, line, bindings)) return false;
  return matchAll(rest, more, bindings);
}

/** `…` stands for any text; `<NAME>` for a word that stays the same on this page. */
function matchLine(expected: string, actual: string, bindings: Bindings): boolean {
  const names: string[] = [];
  const pattern = expected
    .split(/(…|<[A-Z][A-Z_]+>|\{[a-z]+\})/)
    .map((part) => {
      if (part === "…") return ".*";
      const volatile = volatileClasses[part.slice(1, -1)];
      if (part.startsWith("{") && volatile !== undefined) return `(?:${volatile.source})`;
      if (!/^<[A-Z][A-Z_]+>$/.test(part)) return escaped(part);
      const known = bindings.get(part);
      if (known !== undefined) return escaped(known);
      names.push(part);
      return "(\\S+)";
    })
    .join("");
  const match = new RegExp(`^${pattern}$`).exec(actual);
  if (match === null) return false;
  for (const [at, name] of names.entries()) bindings.set(name, match[at + 1] ?? "");
  return true;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function trimmed(lines: string[]): string[] {
  const end = lines.findLastIndex((line) => line !== "");
  return lines.slice(0, end + 1);
}
