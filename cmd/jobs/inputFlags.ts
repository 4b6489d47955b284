/** The flags of what a program gets beside its arguments: standard input and a directory. */
import type { ArgsDef } from "citty";
import { readFileBytes } from "../../lib/files/readBytes.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { parametersBytesMax } from "../../lib/protocol/limits.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { readStdinBytes } from "../output/stdio.ts";

export const inputArgs = {
  stdin: {
    type: "string",
    valueHint: "@FILE|-",
    description: "standard input of the program: a file, or - for that of wsctl",
  },
  directory: {
    type: "string",
    valueHint: "PATH",
    description: "working directory on the hosts; default: the home of the user that runs it",
  },
} as const satisfies ArgsDef;

export interface InputFlags {
  stdin?: string | undefined;
  directory?: string | undefined;
}

/**
 * Adds the input and the directory to the parameters of a command.
 * @throws {WsctlError} USAGE if the input cannot be read, is not UTF-8 or does not fit.
 */
export function inputParameters(
  command: string,
  own: JsonObject,
  { stdin, directory }: InputFlags,
): JsonObject {
  // The hosts may run Windows.
  if (directory !== undefined && !/^(?:\/|[A-Za-z]:\\)/.test(directory)) {
    throw usage(`Flag --directory is "${directory}": expected an absolute path on the hosts`);
  }
  const parameters: JsonObject = {
    ...own,
    ...(stdin === undefined ? {} : { stdin: readInput(stdin) }),
    ...(directory === undefined ? {} : { directory }),
  };
  const bytes = Buffer.byteLength(JSON.stringify(parameters));
  if (bytes <= parametersBytesMax) return parameters;
  const what = `${command === "exec" ? "its arguments" : "the script"}${stdin === undefined ? "" : " and --stdin"}`;
  throw usage(
    `Cannot run ${command}: ${what} have ${bytes} bytes as JSON, and ${parametersBytesMax} are allowed. Put the data on the hosts first`,
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
export function decode(bytes: Buffer, name: string, what = "Flag --stdin"): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usage(`${what}: cannot send ${name}: it is not UTF-8. Encode it, as with base64`);
  }
}
