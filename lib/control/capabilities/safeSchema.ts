/**
 * Reduces an agent's JSON Schema to keywords that are checked in time linear in the parameters.
 * Keywords that could be made to run forever (references, combinations, backtracking patterns) are
 * left to the agent, which validates everything again.
 */
import { isJsonObject, type JsonObject, setKey } from "../../protocol/json.ts";

type Test = (value: unknown) => boolean;

const isNumber: Test = (value) => typeof value === "number";
const isText: Test = (value) => typeof value === "string";
const isTexts: Test = (value) => Array.isArray(value) && value.every(isText);

/**
 * Keywords that are kept, with the check of their value. The validator misbehaves or throws on
 * invalid values.
 */
const kept: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["type", (value) => isText(value) || isTexts(value)],
  ["enum", Array.isArray],
  ["required", isTexts],
  ...["const", "default"].map((key): [string, Test] => [key, () => true]),
  ...["title", "description"].map((key): [string, Test] => [key, isText]),
  // They mark secrets, which views and the audit trail mask.
  ["writeOnly", (value) => typeof value === "boolean"],
  ["format", (value) => value === "password" || value === "artifact"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"].map(
    (key): [string, Test] => [key, isNumber],
  ),
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"].map(
    (key): [string, Test] => [key, isNumber],
  ),
]);

/**
 * Longer strings are not matched against patterns, because even a safe pattern takes long on them.
 */
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
  // Without the combination, the properties that it allows would be rejected as unknown.
  if (["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].some((key) => key in schema)) {
    delete found.additionalProperties;
  }
  return found;
}

/**
 * Compiles the safe part of a schema for these parameters. Properties with a default are not
 * required, because the agent fills in defaults before it validates.
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

/** The maximum number of alternative ways to match a text, apart from repetitions. */
const choicesMax = 16;

/**
 * Whether a pattern matches in bounded time: it has no backreference and no lookaround, repeats
 * only single characters or classes, has at most two places where matching may restart at every
 * character (an unbounded repetition, or a missing anchor), and few alternatives.
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

/** Every alternative and every optional part multiplies the number of choices. */
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
