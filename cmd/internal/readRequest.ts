/** Reads the request of the agent from standard input. */
import * as v from "valibot";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";
import { readStdin } from "../output/stdio.ts";

/** @throws {WsctlError} USAGE if it is no valid request */
export function readRequest<S extends v.GenericSchema>(schema: S): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(readStdin());
  } catch {
    throw usage("Standard input is not JSON: expected a request of an agent");
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw usage(`Invalid request: ${formatIssue(parsed.issues[0])}`);
}
