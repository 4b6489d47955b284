/**
 * Checks for untrusted JSON: the maximum depth (before parsing, because deep nesting is cheap to
 * send and expensive to parse) and values that do not survive a round trip (after parsing).
 */
export type JsonObject = { [key: string]: unknown };

/** Whether arrays and objects in the text are nested within `max` levels; strings are skipped. */
export function isWithinDepth(text: string, max: number): boolean {
  return hasFewOpenings(text, max) || isDeepAtMost(text, max);
}

/** A text with fewer opening brackets than levels need not be scanned character by character. */
function hasFewOpenings(text: string, max: number): boolean {
  let left = max;
  for (let at = text.indexOf("{"); at !== -1; at = text.indexOf("{", at + 1)) {
    if (left-- === 0) return false;
  }
  for (let at = text.indexOf("["); at !== -1; at = text.indexOf("[", at + 1)) {
    if (left-- === 0) return false;
  }
  return true;
}

function isDeepAtMost(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 92 /* \ */) index++;
      else if (char === 34 /* " */) inString = false;
    } else if (char === 34) inString = true;
    else if (char === 123 /* { */ || char === 91 /* [ */) {
      if (++depth > max) return false;
    } else if (char === 125 /* } */ || char === 93 /* ] */) depth--;
  }
  return true;
}

/**
 * Names a part of a parsed value that cannot be serialized again unchanged: a number outside a
 * double's range (`1e999`) or a lone surrogate. Undefined if there is none.
 */
export function findUnsafeNumber(value: unknown): string | undefined {
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "a number that is out of range";
  }
  if (typeof value === "string") {
    return value.isWellFormed() ? undefined : "a string with a lone surrogate";
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return findFirst(value);
  return findFirst(Object.keys(value)) ?? findFirst(Object.values(value));
}

function findFirst(values: readonly unknown[]): string | undefined {
  for (const value of values) {
    const found = findUnsafeNumber(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sets a plain property of any name, such as `__proto__`, that stays writable and deletable. */
export function setKey(target: JsonObject, key: string, value: unknown): void {
  const plain = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(target, key, { ...plain, value });
}
