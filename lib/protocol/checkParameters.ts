/**
 * A command's parameters held against its JSON Schema: by the agent that runs it, and before that
 * by a control plane that knows the agent's capabilities.
 */
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { errorText } from "./errors.ts";
import type { JsonObject } from "./json.ts";

/** What is wrong with these parameters and where, never the value; undefined where nothing is. */
export function checkParameters(schema: JsonObject, values: JsonObject): string | undefined {
  let found: ReturnType<Validator["validate"]>;
  try {
    found = new Validator(schema as Schema, "2020-12", false).validate(values);
  } catch (error) {
    // Somebody else's schema must harm nobody; where it cannot judge, nothing is let through.
    return `parameters cannot be judged: their schema is faulty (${errorText(error)})`;
  }
  const { valid, errors } = found;
  if (valid) return undefined;
  // The deepest place is the most telling one.
  const [error] = errors.sort((a, b) => b.instanceLocation.length - a.instanceLocation.length);
  return error === undefined ? "parameters do not fit" : formatFault(error);
}

/** The validator's finding in our words. */
function formatFault({ instanceLocation, keyword, error }: OutputUnit): string {
  const path = ["parameters", ...instanceLocation.split("/").slice(1)].join(".");
  const [, named = ""] = /"([^"]*)"\.$/.exec(error) ?? [];
  if (keyword === "false") return `${path} is not known here`;
  if (keyword === "required") return `${path}.${named} is missing`;
  if (keyword === "type") return `${path} must be of the type ${named}`;
  if (keyword === "pattern") return `${path} does not match its pattern`;
  if (keyword === "enum") return `${path} must be one of ${(/\[(.*)\]/.exec(error) ?? [])[1]}`;
  return `${path}: ${error.replace(/^Instance /, "it ").replace(/\.$/, "")}`;
}
