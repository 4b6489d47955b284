/** The parameters of `exec` from the words and the flags of a command line. */
import { readFileBytes } from "../../lib/files/readBytes.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { parametersBytesMax } from "../../lib/protocol/limits.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { readStdinBytes } from "../output/stdio.ts";

/**
 * Returns the parameters of `exec`.
 * @param stdin The value of `--stdin`: `@FILE` or `-`.
 * @throws {WsctlError} USAGE if the input cannot be read, is not UTF-8 or does not fit.
 */
export function buildExecParameters(argv: readonly string[], stdin?: string): JsonObject {
  const input = stdin === undefined ? {} : { stdin: readInput(stdin) };
  const parameters: JsonObject = { argv: [...argv], ...input };
  const bytes = Buffer.byteLength(JSON.stringify(parameters));
  if (bytes <= parametersBytesMax) return parameters;
  const what = stdin === undefined ? "its arguments have" : "its arguments and --stdin have";
  throw usage(
    `Cannot run exec: ${what} ${bytes} bytes as JSON, and ${parametersBytesMax} are allowed. Put the data on the hosts first`,
  );
}

/** Reads the input unchanged: the program gets the line ends and the marks that it has. */
function readInput(stdin: string): string {
  if (stdin !== "-" && !/^@./.test(stdin)) {
    throw usage(`Flag --stdin is "${stdin}": expected @FILE, or - for standard input`);
  }
  if (stdin === "-" && isTerminal("stdin")) {
    throw usage("Flag --stdin: standard input is a terminal. Redirect it from a file or a pipe");
  }
  if (stdin === "-") return decode(readStdinBytes(parametersBytesMax), "standard input");
  const path = stdin.slice(1);
  try {
    return decode(readFileBytes(path, { bytesMax: parametersBytesMax }), `"${path}"`);
  } catch (error) {
    if (error instanceof WsctlError) throw error;
    throw usage(`Flag --stdin: cannot read "${path}": ${errorText(error)}`);
  }
}

/** @throws {WsctlError} USAGE if the bytes are not UTF-8, because JSON holds text only. */
function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usage(`Flag --stdin: cannot send ${name}: it is not UTF-8. Encode it, as with base64`);
  }
}
