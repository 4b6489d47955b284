/**
 * Valibot schemas as JSON Schema. What a check in code decides becomes a pattern where one can say
 * it, and otherwise a sentence in the description. A check that is neither is an error.
 */
import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { isAddressRange } from "../../lib/protocol/addressRange.ts";
import { isJsonObject, type JsonObject } from "../../lib/protocol/json.ts";
import { isTimestamp } from "../../lib/protocol/timestamp.ts";
import { isCpuUsage, isMemoryUsage } from "../../lib/protocol/wire/usageText.ts";
import { readDocs } from "./docComments.ts";

type Schema = v.GenericSchema;
export type Json = JsonObject;

interface Options {
  target: "draft-07" | "draft-2020-12";
  /** Requests are described as they are sent, answers as they are received. */
  typeMode: "input" | "output";
  /** Where a reference to a definition leads. */
  refPrefix: string;
}

const docs = readDocs();

const timestampPattern =
  "^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T(?:[01]\\d|2[0-3])(?::[0-5]\\d){2}(?:\\.\\d{1,9})?(?:Z|\\+00:00)$";

/** What a check in code accepts, as far as a pattern can say it. */
const byPredicate = new Map<unknown, Json>([
  [isTimestamp, { format: "date-time", pattern: timestampPattern }],
  [isCpuUsage, { pattern: "^\\d{1,6}(?:\\.\\d{1,6})? ?%$" }],
  [isMemoryUsage, { pattern: "^\\d{1,9}(?:\\.\\d{1,6})? ?[KMGT]B$" }],
  [isAddressRange, { description: 'An address, or a range such as "10.0.0.0/8".' }],
]);

const byRule: [RegExp, Json][] = [
  [/^must be printable$/, { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" }],
  [
    /^must be a whole number from \d+, or a percentage/,
    { pattern: "^(?:100|\\d{1,2}(?:\\.\\d{1,3})?)%$" },
  ],
  [/^must be "wsctl-ed25519:"/, { pattern: "^wsctl-ed25519:[A-Za-z0-9_-]{43}$" }],
];

interface Check {
  kind: string;
  type: string;
  requirement?: unknown;
  message?: unknown;
}

/** Converts named schemas. Each may refer to the others. */
export function definitions(named: Readonly<Record<string, Schema>>, options: Options): Json {
  const { target, typeMode, refPrefix } = options;
  const config: ConversionConfig = {
    target,
    typeMode,
    definitions: named,
    errorMode: "throw",
    overrideAction: ({ valibotAction, jsonSchema, errors }) =>
      (convertCheck(valibotAction as Check, jsonSchema as Json, errors) ?? null) as never,
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      const { type, check } = valibotSchema as { type: string; check?: unknown };
      if (type === "custom" && check === isJsonObject) {
        return { ...jsonSchema, type: "object", additionalProperties: true } as never;
      }
      return type === "optional" ? (withoutDefault(jsonSchema as Json) as never) : null;
    },
    overrideRef: ({ referenceId }) => `${refPrefix}${referenceId}`,
  };
  return Object.fromEntries(
    Object.entries(named).map(([name, schema]) => {
      const { [name]: _itself, ...others } = named;
      const converted = toJsonSchema(schema, { ...config, definitions: others }) as Json;
      const { $schema: _schema, $defs: _defs, ...rest } = converted;
      return [name, described(name, rest)];
    }),
  );
}

function convertCheck(check: Check, schema: Json, errors: unknown): Json | undefined {
  const { type, requirement } = check;
  if (type === "regex" && requirement instanceof RegExp && requirement.flags === "i") {
    return { ...schema, pattern: requirement.source.replaceAll("a-z", "A-Za-z") };
  }
  if (type === "base64") return { ...schema, contentEncoding: "base64" };
  if (type !== "check") {
    // A second pattern on one text: the first one is the narrower in this code.
    if (errors !== undefined && type === "regex") return schema;
    return undefined;
  }
  const rule = typeof check.message === "string" ? check.message : "must be a selector of agents";
  const pattern =
    byPredicate.get(requirement) ?? byRule.find(([shape]) => shape.test(rule))?.[1] ?? {};
  // A narrower pattern that is there already says more.
  if (schema.pattern !== undefined || pattern.pattern === undefined) {
    return { ...schema, ...withoutPattern(pattern), description: addRule(schema, rule) };
  }
  return { ...schema, ...pattern };
}

/** Generators take a field with a default for one that must be sent, so a sentence names it. */
function withoutDefault({ default: value, ...schema }: Json): Json {
  if (value === undefined || isJsonObject(value)) return schema;
  const { description } = schema;
  const sentence = `Default: ${JSON.stringify(value)}.`;
  const text = description === undefined ? sentence : `${description} ${sentence}`;
  return { ...schema, description: text };
}

function withoutPattern({ pattern: _pattern, ...rest }: Json): Json {
  return rest;
}

function addRule({ description }: Json, rule: string): string {
  const sentence = rule.startsWith("must") ? `It ${rule}.` : `Refused if it ${rule}.`;
  return description === undefined ? sentence : `${description} ${sentence}`;
}

/** Adds the docstrings of a schema and of its fields. */
function described(name: string, schema: Json): Json {
  const { text = "", fields = new Map<string, string>() } = docs.get(name) ?? {};
  const whole = describeFields(schema, "", fields);
  return text === "" ? whole : withText(whole, text);
}

function describeFields(schema: Json, path: string, fields: ReadonlyMap<string, string>): Json {
  const copy: Json = { ...schema };
  if (isJsonObject(schema.properties)) {
    copy.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => {
        const at = path === "" ? key : `${path}.${key}`;
        const inner = isJsonObject(value) ? describeFields(value, at, fields) : value;
        const text = fields.get(at);
        return [key, text === undefined || !isJsonObject(inner) ? inner : withText(inner, text)];
      }),
    );
  }
  for (const word of ["oneOf", "anyOf"]) {
    const options = schema[word];
    if (!Array.isArray(options)) continue;
    copy[word] = options.map((each) =>
      isJsonObject(each) ? describeFields(each, path, fields) : each,
    );
  }
  if (isJsonObject(schema.items)) copy.items = describeFields(schema.items, path, fields);
  return copy;
}

function withText(schema: Json, text: string): Json {
  // Draft 7 ignores what stands beside a reference.
  if ("$ref" in schema) return { allOf: [schema], description: text };
  const rest = typeof schema.description === "string" ? ` ${schema.description}` : "";
  return { ...schema, description: `${text}${rest}` };
}
