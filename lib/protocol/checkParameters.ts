/**
 * Validates a command's parameters against its JSON Schema, on the agent and before that on a
 * control plane that knows the agent's capabilities.
 */
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { errorText } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** Returns what is wrong and where, never the value; undefined if the parameters are valid. */
export function checkParameters(schema: JsonObject, values: JsonObject): string | undefined {
  let found: ReturnType<Validator["validate"]>;
  try {
    found = new Validator(schema as Schema, "2020-12", false).validate(values);
  } catch (error) {
    // The schema is untrusted. If it cannot be evaluated, the parameters are rejected.
    return `parameters cannot be validated: their schema is invalid (${errorText(error)})`;
  }
  const { valid, errors } = found;
  if (valid) return undefined;
  // The deepest location is the most specific one.
  const [error] = errors.sort((a, b) => b.instanceLocation.length - a.instanceLocation.length);
  if (error === undefined) return "parameters do not match their schema";
  return expectedFile(schema, error) ?? formatFault(error);
}

/** A parameter that is a file is described as an object, which only a program writes. */
function expectedFile(schema: JsonObject, { instanceLocation }: OutputUnit): string | undefined {
  const [, name = ""] = instanceLocation.split("/");
  const properties = isJsonObject(schema.properties) ? schema.properties : {};
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (!isJsonObject(property) || property.format !== "artifact") return undefined;
  return `parameters.${name} must be a file: use --file ${name}=PATH`;
}

/** Formats the validator's first error. */
function formatFault({ instanceLocation, keyword, error }: OutputUnit): string {
  const path = ["parameters", ...instanceLocation.split("/").slice(1)].join(".");
  const [, named = ""] = /"([^"]*)"\.$/.exec(error) ?? [];
  if (keyword === "false") return `${path} is unknown`;
  if (keyword === "required") return `${path}.${named} is missing`;
  if (keyword === "type") return `${path} must be of the type ${named}`;
  if (keyword === "pattern") return `${path} does not match its pattern`;
  if (keyword === "enum") return `${path} must be one of ${(/\[(.*)\]/.exec(error) ?? [])[1]}`;
  return `${path}: ${error.replace(/^Instance /, "it ").replace(/\.$/, "")}`;
}
