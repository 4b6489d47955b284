/** A file of the operator's in TOML, held against a schema. */
import { parse } from "smol-toml";
import * as v from "valibot";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { formatIssue } from "../../protocol/schemaError.ts";

/** Throws `USAGE` naming the file, the key that is wrong and what is right. */
export function readToml<S extends v.GenericSchema>(
  fileName: string,
  text: string,
  schema: S,
): v.InferOutput<S> {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    throw findFault(fileName, `is not TOML: ${errorText(error).split("\n")[0]}`);
  }
  const parsed = v.safeParse(schema, table);
  if (parsed.success) return parsed.output;
  throw findFault(fileName, formatIssue(parsed.issues[0]));
}

export function findFault(fileName: string, reason: string): WsctlError {
  return new WsctlError("USAGE", `${fileName}: ${reason}`);
}
