/** The parameters of `run_script` from a script's file and the flags of a command line. */
import { basename } from "node:path";
import { readFileBytes } from "../../lib/files/readBytes.ts";
import { readInterpreter } from "../../lib/protocol/commands/runScript.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { parametersBytesMax } from "../../lib/protocol/limits.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { readStdinBytes } from "../output/stdio.ts";
import { decode, type InputFlags, inputParameters } from "./inputFlags.ts";

export interface ScriptFlags extends InputFlags {
  env: readonly string[];
}

/**
 * Returns the parameters of `run_script`.
 * @param path The file, or `-` for standard input.
 * @throws {WsctlError} USAGE if a file cannot be read, is no script or does not fit.
 */
export function buildScriptParameters(
  path: string,
  words: readonly string[],
  flags: ScriptFlags,
): JsonObject {
  const script = readScript(path);
  const env = Object.fromEntries(flags.env.map(parseVariable));
  const own = {
    script,
    name: path === "-" ? "stdin" : basename(path),
    ...(words.length === 0 ? {} : { arguments: [...words] }),
    ...(flags.env.length === 0 ? {} : { env }),
  };
  return inputParameters("run_script", own, flags);
}

function readScript(path: string): string {
  const name = path === "-" ? "standard input" : `"${path}"`;
  const script = decode(readBytes(path), name, "SCRIPT");
  const [first = ""] = script.split("\n", 1);
  if (script.startsWith("\uFEFF")) {
    throw usage(
      `Cannot run ${name}: it begins with a byte order mark. Save it as UTF-8 without one`,
    );
  }
  if (first.endsWith("\r")) {
    throw usage(
      `Cannot run ${name}: its lines end with a carriage return. Save it with line feeds`,
    );
  }
  if (script.includes("\0")) throw usage(`Cannot run ${name}: it is not a text file`);
  if (readInterpreter(script) !== undefined) return script;
  throw usage(
    `Cannot run ${name}: its first line names no interpreter. Begin it with a line such as #!/bin/sh`,
  );
}

function readBytes(path: string): Buffer {
  if (path === "-") {
    if (!isTerminal("stdin")) return readStdinBytes(parametersBytesMax);
    throw usage("SCRIPT is standard input, which is a terminal: redirect it from a file or a pipe");
  }
  try {
    return readFileBytes(path, { bytesMax: parametersBytesMax });
  } catch (error) {
    if (error instanceof WsctlError) throw error;
    throw usage(`Cannot read script "${path}": ${errorText(error)}`);
  }
}

function parseVariable(text: string): [string, string] {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw usage(`Flag --env is "${text}": expected NAME=VALUE, with letters, digits and _ in NAME`);
}
