/**
 * Describes a command's parameters, from the JSON Schema that an agent announced. The schema is
 * untrusted: invalid keywords are ignored, and the caller cleans the texts with `visible()`. Words
 * and flags that a command does not take are often meant as parameters.
 */
import type { ArgsDef } from "citty";
import { isJsonObject, type JsonObject } from "../../lib/protocol/json.ts";
import { nearest } from "../../lib/protocol/nearest.ts";

export interface Parameter {
  name: string;
  /** The allowed values: `a whole number from 0 to 10`. */
  words: string;
  isRequired: boolean;
  /** Whether the value is a file, which `--file` uploads. */
  isFile: boolean;
  /** The default value in the form of the command line, if there is one. */
  default?: string;
  description?: string;
  /** The allowed values in the form of the command line, if they are few. */
  values: string[];
}

const valuesMax = 20;
const charsMax = 120;

/** Returns the parameters in the order of the schema, the required ones first. */
export function listParameters(schema: JsonObject): Parameter[] {
  const { properties, required } = schema;
  const names: unknown[] = Array.isArray(required) ? required : [];
  const all = Object.entries(isJsonObject(properties) ? properties : {}).map(([name, of]) =>
    describeParameter(name, isJsonObject(of) ? of : {}, names.includes(name)),
  );
  return [...all.filter((each) => each.isRequired), ...all.filter((each) => !each.isRequired)];
}

function describeParameter(name: string, schema: JsonObject, isRequired: boolean): Parameter {
  const { description, title } = schema;
  const said = [description, title].find((text) => typeof text === "string");
  return {
    name,
    words: describeType(schema),
    isRequired,
    isFile: schema.format === "artifact",
    ...("default" in schema ? { default: shortened(written(schema.default)) } : {}),
    ...(typeof said === "string" && said !== "" ? { description: said } : {}),
    values: listValues(schema),
  };
}

/** Formats a value for `KEY=`: text unchanged, unless it would be parsed as JSON. */
export function written(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

function listValues(schema: JsonObject): string[] {
  if (Array.isArray(schema.enum)) return schema.enum.map(written);
  if ("const" in schema) return [written(schema.const)];
  return schema.type === "boolean" ? ["true", "false"] : [];
}

function describeType(schema: JsonObject): string {
  const { pattern } = schema;
  if ("const" in schema) return `always ${shortened(written(schema.const))}`;
  if (Array.isArray(schema.enum)) {
    const values = schema.enum.slice(0, valuesMax).map((value) => shortened(written(value)));
    const more = schema.enum.length - values.length;
    return `one of ${values.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const words = types.flatMap((type) =>
    typeof type === "string" && type !== "" ? [pluralNoun(type, schema)] : [],
  );
  return [
    words.length === 0 ? "any value" : words.join(" or "),
    range(schema.minimum, schema.maximum),
    ...bound("more than", schema.exclusiveMinimum),
    ...bound("less than", schema.exclusiveMaximum),
    ...bound("a multiple of", schema.multipleOf),
    counted(schema.minLength, schema.maxLength, "characters"),
    typeof pattern === "string" ? `matching ${shortened(pattern)}` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function pluralNoun(type: string, schema: JsonObject): string {
  switch (type) {
    case "string":
      return "text";
    case "integer":
      return "a whole number";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "array":
      return [
        ["a list", counted(schema.minItems, schema.maxItems, "items")].filter(Boolean).join(" "),
        ...(isJsonObject(schema.items) ? [`each ${describeType(schema.items)}`] : []),
      ].join(", ");
    case "object": {
      if (schema.format === "artifact") return "a file";
      const keys = isJsonObject(schema.properties) ? Object.keys(schema.properties) : [];
      return keys.length === 0 ? "an object" : `an object with ${shortened(keys.join(", "))}`;
    }
    default:
      return shortened(type);
  }
}

function range(least: unknown, most: unknown): string {
  const [from, to] = [numeral(least), numeral(most)];
  if (from !== undefined && to !== undefined) return `from ${from} to ${to}`;
  if (from !== undefined) return `of at least ${from}`;
  return to === undefined ? "" : `of at most ${to}`;
}

function counted(least: unknown, most: unknown, unit: string): string {
  const [from, to] = [numeral(least), numeral(most)];
  if (from !== undefined && to !== undefined) {
    return from === to ? `of ${from} ${unit}` : `of ${from} to ${to} ${unit}`;
  }
  const words = range(least, most);
  return words === "" ? "" : `${words} ${unit}`;
}

function bound(words: string, value: unknown): string[] {
  const number = numeral(value);
  return number === undefined ? [] : [`${words} ${number}`];
}

function numeral(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function shortened(text: string): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`;
}

/** Suggests the flag that an unexpected word of a job was probably meant for. */
export function adviseWord(word: string, args: ArgsDef, isSeparated: boolean): string {
  const isJob = args.param !== undefined;
  // For example "send exec --all -- df -h".
  if (isSeparated && isJob && /^[\w./]/.test(word))
    return ". To run a program, use: wsctl exec --all -- PROGRAM";
  const isPair = /^[A-Za-z_][\w-]*=/.test(word);
  if (isPair && isJob) return `. Did you mean --param ${word}?`;
  const isName = /^(?!true$|false$)[A-Za-z][\w.-]*$/.test(word);
  return isName && args.agent !== undefined ? `. Did you mean --agent ${word}?` : "";
}

/** Suggests a known flag, or how a job takes a parameter. */
export function adviseFlag(flag: string, known: readonly string[], args: ArgsDef): string {
  const close = nearest(
    flag,
    known.map((each) => `--${each}`),
  );
  if (close !== undefined) return `did you mean ${close}?`;
  const name = /^--([a-z]\w*)$/.exec(flag)?.[1];
  const isTaken = name === undefined || Object.keys(args).includes(name);
  if (isTaken || args.param === undefined) return "see --help";
  return `see --help. A parameter of the command is --param ${name}=VALUE`;
}
