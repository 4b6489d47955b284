/**
 * The harmless part of a JSON Schema that an agent sent: keywords that are checked in a time that
 * grows with the parameters alone. Whatever could be made to run for ever (references,
 * combinations, patterns that backtrack) is left to the agent, which checks everything again.
 */
import { isJsonObject, type JsonObject, setKey } from "../../protocol/json.ts";

type Test = (value: unknown) => boolean;

const isNumber: Test = (value) => typeof value === "number";
const isText: Test = (value) => typeof value === "string";
const isTexts: Test = (value) => Array.isArray(value) && value.every(isText);

/** What may stand there: of anything else the validator would make something odd, or throw. */
const kept: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["type", (value) => isText(value) || isTexts(value)],
  ["enum", Array.isArray],
  ["required", isTexts],
  ...["const", "default"].map((key): [string, Test] => [key, () => true]),
  ...["title", "description"].map((key): [string, Test] => [key, isText]),
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"].map(
    (key): [string, Test] => [key, isNumber],
  ),
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"].map(
    (key): [string, Test] => [key, isNumber],
  ),
]);

/** Longer parameters are held against no pattern: even a tame one takes its time for them. */
const patternCharsMax = 4_096;

export function toSafeSchema(schema: JsonObject, hasPatterns = true): JsonObject {
  const found: JsonObject = {};
  const below = (each: JsonObject) => toSafeSchema(each, hasPatterns);
  const isMatched = (value: unknown) =>
    hasPatterns && typeof value === "string" && isSafeSchema(value);
  for (const [key, value] of Object.entries(schema)) {
    if (kept.get(key)?.(value)) setKey(found, key, value);
    else if (key === "additionalProperties" && typeof value === "boolean") found[key] = value;
    else if (key === "pattern" && isMatched(value)) found[key] = value;
    else if (key === "items" && isJsonObject(value)) found[key] = below(value);
    else if (key === "properties" && isJsonObject(value)) found[key] = toSafeSchemas(value, below);
  }
  // Properties that a combination allows would look like strangers without it.
  if (["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].some((key) => key in schema)) {
    delete found.additionalProperties;
  }
  return found;
}

/**
 * What of a tame schema these parameters are held against before they are sent: the agent fills in
 * defaults before it judges, so that nothing with a default is missing.
 */
export function compileSafe(schema: JsonObject, parameters: JsonObject): JsonObject {
  const isLong = JSON.stringify(parameters).length > patternCharsMax;
  const judged = isLong ? toSafeSchema(schema, false) : { ...schema };
  const properties = isJsonObject(judged.properties) ? judged.properties : {};
  const hasDefault = (name: unknown) => {
    const property =
      typeof name === "string" && Object.hasOwn(properties, name) && properties[name];
    return isJsonObject(property) && property.default !== undefined;
  };
  if (!Object.keys(properties).some(hasDefault)) return judged;
  delete judged.minProperties;
  if (Array.isArray(judged.required)) {
    judged.required = judged.required.filter((name) => !hasDefault(name));
  }
  return judged;
}

function toSafeSchemas(
  properties: JsonObject,
  below: (schema: JsonObject) => JsonObject,
): JsonObject {
  const found: JsonObject = {};
  for (const [name, value] of Object.entries(properties)) {
    setKey(found, name, isJsonObject(value) ? below(value) : value !== false);
  }
  return found;
}

/** How many ways there may be to match the same text, but for repetitions. */
const choicesMax = 16;

/**
 * Whether matching cannot take long: no reference back, no look around, nothing repeated that is
 * more than one character or class, at most two places from which it could be tried anew at every
 * character (an open repetition, or the lack of an anchor), and few choices.
 */
function isSafeSchema(pattern: string): boolean {
  if (pattern.length > 500 || /\\[1-9k]|\(\?[^:]/.test(pattern)) return false;
  const bare = pattern
    .replace(/\\./g, "x")
    .replace(/\[(?:[^\]\\])*\]/g, "x")
    .replaceAll("(?:", "(");
  if (/\)[*+{]/.test(bare)) return false;
  const counted = [...bare.matchAll(/\{\d*,?(\d*)\}/g)];
  if (counted.some(([, most]) => Number(most || 0) > 1_000)) return false;
  const { choices, isAnchored } = readShape(bare);
  const retried = (bare.match(/[*+]|\{/g) ?? []).length + (isAnchored ? 0 : 1);
  return retried <= 2 && choices <= choicesMax && isValid(pattern);
}

/** Every alternative multiplies the choices, and so does everything that may be left out. */
function readShape(bare: string): { choices: number; isAnchored: boolean } {
  let choices = 1;
  const branches = [1];
  for (const char of bare) {
    const last = branches.length - 1;
    if (char === "(") branches.push(1);
    else if (char === ")" && last > 0) choices *= branches.pop() ?? 1;
    else if (char === "|") branches[last] = (branches[last] ?? 1) + 1;
    else if (char === "?") choices *= 2;
  }
  const [outer = 1] = branches;
  return { choices: choices * outer, isAnchored: bare.startsWith("^") && outer === 1 };
}

function isValid(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
