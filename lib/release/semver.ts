/** Versions by semver.org, and which of two is newer; of two texts of whatever kind, one is. */

const number = "0|[1-9]\\d*";
const mark = `(?:${number}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const shape = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-(${mark}(?:\\.${mark})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
export const versionCharsMax = 128;

export function isVersion(text: string): boolean {
  return text.length <= versionCharsMax && shape.test(text);
}

/**
 * Below 0 where `a` is older than `b`, 0 where neither is, above 0 otherwise. What comes behind a
 * plus sign does not count. What is no version is older than any, and has the order of its text.
 */
export function compareVersions(a: string, b: string): number {
  const [one, two] = [parseParts(a), parseParts(b)];
  if (one === undefined || two === undefined) {
    if (one === two) return order(a, b);
    return one === undefined ? -1 : 1;
  }
  for (const [index, part] of one.release.entries()) {
    const found = compareNumbers(part, two.release[index] ?? "0");
    if (found !== 0) return found;
  }
  return compareMarks(one.marks, two.marks);
}

interface Parts {
  release: string[];
  /** What makes it one before the release; none for the release itself. */
  marks: string[];
}

function parseParts(text: string): Parts | undefined {
  const found = isVersion(text) ? shape.exec(text) : null;
  if (found === null) return undefined;
  const [, major = "", minor = "", patch = "", marks] = found;
  return { release: [major, minor, patch], marks: marks === undefined ? [] : marks.split(".") };
}

function compareMarks(one: string[], two: string[]): number {
  // The release is newer than all that led to it.
  if (one.length === 0 || two.length === 0) return two.length - one.length;
  for (let index = 0; ; index++) {
    const [a, b] = [one[index], two[index]];
    if (a === undefined || b === undefined) return one.length - two.length;
    const found = compareMark(a, b);
    if (found !== 0) return found;
  }
}

function compareMark(a: string, b: string): number {
  const [isNumber, isOther] = [a, b].map((text) => /^\d+$/.test(text));
  if (isNumber && isOther) return compareNumbers(a, b);
  // Numbers go before words.
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return order(a, b);
}

/** Without a leading zero the longer one is the larger, however long they are. */
function compareNumbers(a: string, b: string): number {
  return a.length === b.length ? order(a, b) : a.length - b.length;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
