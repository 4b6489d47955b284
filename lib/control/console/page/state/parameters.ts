/** Reads JSON Schemas of parameters as fields of a form. Pure functions; the schemas are untrusted. */
import type { JsonObject } from "../../../../protocol/json.ts";

export interface Field {
  name: string;
  kind: "text" | "secret" | "number" | "switch" | "choice" | "list" | "file" | "json";
  isRequired: boolean;
  help: string;
  /** The texts of the choices. */
  choices: readonly string[];
  placeholder: string;
}

type Schema = Record<string, unknown>;

const fieldsMax = 50;

/** What the control plane shows in place of a secret. */
const maskedText = "[secret]";

/** The fields of a schema; undefined if it describes no object with properties. */
export function fieldsOf(schema: JsonObject | undefined): Field[] | undefined {
  if (schema === undefined || !isObject(schema.properties)) return undefined;
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties)
    .slice(0, fieldsMax)
    .map(([name, value]) => fieldOf(name, isObject(value) ? value : {}, required.includes(name)));
}

function fieldOf(name: string, schema: Schema, isRequired: boolean): Field {
  const { type, description, default: standard, items } = schema;
  const choices = choicesOf(schema);
  const base = {
    name,
    isRequired,
    choices,
    help: [typeof description === "string" ? description : "", limitsOf(schema)]
      .filter(Boolean)
      .join(" "),
    placeholder: standard === undefined ? "" : plainText(standard),
  };
  if (schema.format === "artifact") return { ...base, kind: "file" };
  if (choices.length > 0) return { ...base, kind: "choice" };
  if (type === "boolean") return { ...base, kind: "switch" };
  if (type === "number" || type === "integer") return { ...base, kind: "number" };
  if (type === "array" && isObject(items) && items.type === "string") {
    return { ...base, kind: "list" };
  }
  if (schema.writeOnly === true || schema.format === "password") return { ...base, kind: "secret" };
  return { ...base, kind: type === "string" ? "text" : "json" };
}

function choicesOf({ enum: values, const: only }: Schema): string[] {
  if (only !== undefined) return [plainText(only)];
  return Array.isArray(values) ? values.map(plainText) : [];
}

function limitsOf(schema: Schema): string {
  const { minimum, maximum, pattern, maxLength } = schema;
  const parts = [];
  if (typeof minimum === "number") parts.push(`at least ${minimum}`);
  if (typeof maximum === "number") parts.push(`at most ${maximum}`);
  if (typeof maxLength === "number") parts.push(`at most ${maxLength} characters`);
  if (typeof pattern === "string") parts.push(`must match ${pattern}`);
  return parts.join(", ");
}

export type Read = { parameters: JsonObject; error: "" } | { parameters: undefined; error: string };

/** The parameters that the texts of the fields mean; empty optional fields are left out. */
export function readFields(
  fields: readonly Field[],
  texts: Readonly<Record<string, string>>,
  schema: JsonObject,
): Read {
  const parameters: JsonObject = {};
  for (const field of fields) {
    const text = texts[field.name] ?? "";
    if (text === "") {
      if (!field.isRequired) continue;
      return { parameters: undefined, error: `${field.name} is required` };
    }
    const value = readValue(field, text, schema);
    if (value === undefined) {
      return { parameters: undefined, error: `${field.name} must be ${expected[field.kind]}` };
    }
    parameters[field.name] = value as JsonObject[string];
  }
  return { parameters, error: "" };
}

const expected: Record<Field["kind"], string> = {
  text: "text",
  secret: "text",
  number: "a number",
  switch: "true or false",
  choice: "one of the choices",
  list: "lines of text",
  file: "a file",
  json: "JSON",
};

function readValue(field: Field, text: string, schema: JsonObject): unknown {
  switch (field.kind) {
    case "text":
    case "secret":
      return text;
    case "number":
      return text.trim() === "" || Number.isNaN(Number(text)) ? undefined : Number(text);
    case "switch":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "list":
      return text.split("\n").filter((line) => line !== "");
    case "choice": {
      const { properties } = schema;
      const own = isObject(properties) ? properties[field.name] : undefined;
      const values = isObject(own) ? (own.enum ?? [own.const]) : [];
      return (Array.isArray(values) ? values : []).find((value) => plainText(value) === text);
    }
    default:
      return parseJson(text);
  }
}

/** A field for a parameter of which nothing but the name is known. */
export function unknownField(name: string, isRequired: boolean, help: string): Field {
  return { name, kind: "text", isRequired, help, choices: [], placeholder: "" };
}

/** All parameters as a JSON object. */
export function readJson(text: string): Read {
  if (text.trim() === "") return { parameters: {}, error: "" };
  const value = parseJson(text);
  if (isObject(value)) return { parameters: value as JsonObject, error: "" };
  return { parameters: undefined, error: "Parameters must be a JSON object" };
}

/** The texts of the fields for parameters that were used before. */
export function textsOf(parameters: JsonObject): Record<string, string> {
  const known = Object.entries(parameters).filter(([, value]) => value !== maskedText);
  return Object.fromEntries(
    known.map(([name, value]) => {
      const isList = Array.isArray(value) && value.every((each) => typeof each === "string");
      return [name, isList ? value.join("\n") : plainText(value)];
    }),
  );
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
