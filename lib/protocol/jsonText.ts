/** Finds what JSON text loses when it is parsed: digits of numbers, and repeated keys. */

/** A string, a number, or a character of the structure. */
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]:,]/g;

/**
 * Names a part of valid JSON text that a parsed value does not keep: a number with more digits than
 * a double has, or a key that occurs twice in an object. Undefined if there is none.
 */
export function findLossyJson(text: string): string | undefined {
  /** The keys of the open objects; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [part] of text.matchAll(token)) {
    if (part === "{") open.push(new Set());
    else if (part === "[") open.push(undefined);
    else if (part === "}" || part === "]") open.pop();
    else if (part === ":") {
      const keys = open.at(-1);
      const key = JSON.parse(last) as string;
      if (keys?.has(key)) return `the key ${last} twice`;
      keys?.add(key);
    } else if (part !== "," && !part.startsWith('"') && isRounded(part)) {
      return `the number ${part}, which cannot be kept exactly`;
    }
    last = part;
  }
  return undefined;
}

/** Whether a number differs from the double that it is read as, as that is written. */
function isRounded(number: string): boolean {
  const value = Number(number);
  return !Number.isFinite(value) || decimal(number) !== decimal(String(value));
}

/** The significant digits and the exponent of a decimal number, in one form for equal numbers. */
function decimal(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = digits.replace(/0+$/, "");
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
