/** Parses a TOML file and validates it with a valibot schema. */
import { parse } from "smol-toml";
import * as v from "valibot";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { formatIssue } from "../../protocol/schemaError.ts";

/**
 * Parses and validates a file.
 * @throws {WsctlError} USAGE with the file, the invalid key and what is expected.
 */
export function readToml<S extends v.GenericSchema>(
  fileName: string,
  text: string,
  schema: S,
): v.InferOutput<S> {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    throw findFault(fileName, `is not valid TOML: ${errorText(error).split("\n")[0]}`);
  }
  const parsed = v.safeParse(schema, table);
  if (parsed.success) return parsed.output;
  throw findFault(fileName, formatIssue(parsed.issues[0]));
}

export function findFault(fileName: string, reason: string): WsctlError {
  return new WsctlError("USAGE", `${fileName}: ${reason}`);
}
