/**
 * The harmless part of a JSON Schema that an agent sent: keywords that are checked in a time that
 * grows with the parameters alone. Whatever could be made to run for ever (references,
 * combinations, patterns that backtrack) is left to the agent, which checks everything again.
 */
import { isJsonObject, type JsonObject } from "../protocol/json.ts";

const kept: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "required", "default", "title", "description"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
]);

export function tame(schema: JsonObject): JsonObject {
  const found: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (kept.has(key)) define(found, key, value);
    else if (key === "additionalProperties" && typeof value === "boolean") found[key] = value;
    else if (key === "pattern" && typeof value === "string" && isTame(value)) found[key] = value;
    else if (key === "items" && isJsonObject(value)) found[key] = tame(value);
    else if (key === "properties" && isJsonObject(value)) found[key] = tameEach(value);
  }
  // Properties that a combination allows would look like strangers without it.
  if (["allOf", "anyOf", "oneOf", "$ref", "patternProperties"].some((key) => key in schema)) {
    delete found.additionalProperties;
  }
  return found;
}

function tameEach(properties: JsonObject): JsonObject {
  const found: JsonObject = {};
  for (const [name, value] of Object.entries(properties)) {
    define(found, name, isJsonObject(value) ? tame(value) : value !== false);
  }
  return found;
}

/**
 * Whether matching cannot take long: no reference back, no look around, nothing repeated that is
 * more than one character or class, and at most two open repetitions.
 */
function isTame(pattern: string): boolean {
  if (pattern.length > 500 || /\\[1-9k]|\(\?[^:]/.test(pattern)) return false;
  const bare = pattern.replace(/\\./g, "x").replace(/\[(?:[^\]\\])*\]/g, "x");
  if (/\)[*+{]/.test(bare)) return false;
  const counted = [...bare.matchAll(/\{\d*,?(\d*)\}/g)];
  if (counted.some(([, most]) => Number(most || 0) > 1_000)) return false;
  return (bare.match(/[*+]|\{/g) ?? []).length <= 2 && isValid(pattern);
}

function isValid(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

function define(target: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true });
}
