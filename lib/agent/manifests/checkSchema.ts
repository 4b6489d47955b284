/**
 * Checks a JSON Schema of an operator before any value is validated against it: unknown types,
 * invalid patterns, and references without a target or in a circle. A validator would accept these,
 * throw, or not end.
 */
import { errorText } from "../../protocol/errors.ts";
import { findUnsafeNumber, isJsonObject, type JsonObject } from "../../protocol/json.ts";

const types = ["string", "integer", "number", "boolean", "object", "array", "null"];
/**
 * Keywords whose value is one schema, a list of schemas, or schemas by name (JSON Schema 2020-12).
 */
const single = [
  ...["additionalProperties", "items", "contains", "propertyNames", "not", "if", "then", "else"],
  ...["unevaluatedItems", "unevaluatedProperties"],
];
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"];
const named = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/** The limit of schemas that a schema may expand to when all its references are followed. */
const schemasMax = 1_000;
const unsupported = ["$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor"];

/** Returns what is wrong with the schema, or undefined. */
export function checkSchema(schema: JsonObject, path: string): string | undefined {
  const flaw = findUnsafeNumber(schema);
  if (flaw !== undefined) return `${path}: has ${flaw}`;
  return checkAt(schema, path) ?? checkReferences(schema, path);
}

function checkAt(schema: unknown, path: string): string | undefined {
  if (typeof schema === "boolean") return undefined;
  if (!isJsonObject(schema)) return `${path}: must be a JSON Schema`;
  const own = checkKeywords(schema, path);
  if (own !== undefined) return own;
  for (const [below, where] of listSchemas(schema, path)) {
    const fault = checkAt(below, where);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function checkKeywords(schema: JsonObject, path: string): string | undefined {
  const { type, pattern, required, patternProperties } = schema;
  const wrong = (Array.isArray(type) ? type : [type ?? "object"]).find((t) => !types.includes(t));
  if (wrong !== undefined)
    return `${path}.type: "${wrong}" is not a type; expected one of ${types.join(", ")}`;
  if (required !== undefined && !Array.isArray(required)) {
    return `${path}.required: must be a list of names`;
  }
  for (const key of named) {
    if (schema[key] !== undefined && !isJsonObject(schema[key])) {
      return `${path}.${key}: must be a table of JSON Schemas`;
    }
  }
  for (const key of lists) {
    if (schema[key] !== undefined && !Array.isArray(schema[key])) {
      return `${path}.${key}: must be a list of JSON Schemas`;
    }
  }
  const beyond = unsupported.find((key) => schema[key] !== undefined);
  if (beyond !== undefined) return `${path}.${beyond}: is not supported here`;
  const patterns = [
    ...(pattern === undefined ? [] : [[`${path}.pattern`, String(pattern)] as const]),
    ...Object.keys(isJsonObject(patternProperties) ? patternProperties : {}).map(
      (each) => [`${path}.patternProperties."${each}"`, each] as const,
    ),
  ];
  for (const [where, text] of patterns) {
    try {
      new RegExp(text, "u");
    } catch (error) {
      return `${where}: ${errorText(error)}`;
    }
  }
  return undefined;
}

/** Returns the direct subschemas of a schema, with their paths. */
function listSchemas(schema: JsonObject, path: string): [unknown, string][] {
  // Before draft 2020-12, `items` could hold a list.
  const plain = [...single, ...lists].flatMap((key) => {
    const value = schema[key];
    if (value === undefined) return [];
    const all = Array.isArray(value) ? value.map((each, at) => [each, at] as const) : [[value, ""]];
    return all.map(([each, at]): [unknown, string] => [
      each,
      `${path}.${key}${at === "" ? "" : `.${at}`}`,
    ]);
  });
  const byName = named.flatMap((key) => {
    const value = schema[key];
    const entries = isJsonObject(value) ? Object.entries(value) : [];
    return entries.map(([name, each]): [unknown, string] => [each, `${path}.${key}.${name}`]);
  });
  return [...plain, ...byName];
}

/**
 * References may lead only to `$defs` at the top, and not in a circle. A validator follows every
 * reference, so the expanded schemas are counted: a chain of definitions that each refer to the
 * next one twice grows exponentially.
 */
function checkReferences(root: JsonObject, path: string): string | undefined {
  /** The number of schemas that each definition expands to. */
  const known = new Map<string, number>();
  const walk = (schema: unknown, where: string, above: readonly string[]): number | string => {
    if (!isJsonObject(schema)) return 1;
    let count = 1;
    const { $ref } = schema;
    if ($ref !== undefined) {
      const [, group = "", name = ""] =
        /^#\/(\$defs|definitions)\/([^/~%]+)$/.exec(String($ref)) ?? [];
      const definitions = root[group];
      if (!isJsonObject(definitions) || !Object.hasOwn(definitions, name)) {
        return `${where}.$ref: "${$ref}" does not exist; use "#/$defs/NAME" with a top-level definition`;
      }
      const key = `${group}/${name}`;
      if (above.includes(key)) return `${where}.$ref: "${$ref}" refers to itself`;
      const found =
        known.get(key) ?? walk(definitions[name], `${path}.${group}.${name}`, [...above, key]);
      if (typeof found === "string") return found;
      known.set(key, found);
      count += found;
    }
    for (const [below, place] of listSchemas(schema, where)) {
      const isDefinition = schema === root && /\.(\$defs|definitions)\./.test(place);
      const found = isDefinition ? 0 : walk(below, place, above);
      if (typeof found === "string") return found;
      count += found;
    }
    return count;
  };
  const found = walk(root, path, []);
  if (typeof found === "string") return found;
  if (found <= schemasMax) return undefined;
  return `${path}: expands to more than ${schemasMax} schemas; use fewer references`;
}
