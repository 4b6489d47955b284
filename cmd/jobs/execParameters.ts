/** The parameters of `exec` from the words and the flags of a command line. */
import type { JsonObject } from "../../lib/protocol/json.ts";
import { type InputFlags, inputParameters } from "./inputFlags.ts";

/**
 * Returns the parameters of `exec`.
 * @throws {WsctlError} USAGE if the input cannot be read, is not UTF-8 or does not fit.
 */
export function buildExecParameters(argv: readonly string[], flags: InputFlags): JsonObject {
  return inputParameters("exec", { argv: [...argv] }, flags);
}
