/** Versions as defined by semver.org, and their total order. */

const number = "0|[1-9]\\d*";
const mark = `(?:${number}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const shape = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-(${mark}(?:\\.${mark})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const versionCharsMax = 128;

export function isVersion(text: string): boolean {
  return text.length <= versionCharsMax && shape.test(text);
}

/**
 * Returns a number below 0 if `a` is older than `b`, 0 if they are equal, above 0 otherwise. Build
 * metadata after a plus sign is ignored. A text that is not a version is older than any version,
 * and sorted as text.
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
  /** The pre-release identifiers; empty for a release. */
  marks: string[];
}

function parseParts(text: string): Parts | undefined {
  const found = isVersion(text) ? shape.exec(text) : null;
  if (found === null) return undefined;
  const [, major = "", minor = "", patch = "", marks] = found;
  return { release: [major, minor, patch], marks: marks === undefined ? [] : marks.split(".") };
}

function compareMarks(one: string[], two: string[]): number {
  // A release is newer than its pre-releases.
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
  // Numeric identifiers sort before alphanumeric ones.
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return order(a, b);
}

/** Without leading zeros, the longer number is the larger one. */
function compareNumbers(a: string, b: string): number {
  return a.length === b.length ? order(a, b) : a.length - b.length;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
