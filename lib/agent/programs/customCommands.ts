/** Custom commands: each is a manifest in `commands.d`. */
import type { Capability } from "../../protocol/api/views.ts";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import {
  applyDefaults,
  buildArgv,
  checkArguments,
  type Program,
} from "../manifests/commandManifest.ts";
import { readFiles } from "../manifests/fileParameters.ts";
import type { ManifestDirectory } from "../manifests/manifestDirectory.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "./programKind.ts";

export function customCommands(capabilities: ManifestDirectory<Program>): ProgramKind {
  return {
    entries: () => capabilities.list().flatMap(({ item }) => (item ? [buildCapability(item)] : [])),
    resolve: (command, parameters) => resolve(capabilities, command, parameters),
  };
}

function buildCapability({ name, description, schema, timeoutMs }: Program): Capability {
  const timeout = timeoutMs === undefined ? {} : { timeout_seconds: timeoutMs / 1000 };
  return { name, description, parameters: schema, output: true, ...timeout };
}

function resolve(
  capabilities: ManifestDirectory<Program>,
  command: string,
  parameters: unknown,
): ResolvedProgram | undefined {
  const found = capabilities.find(command);
  if (found === undefined) return undefined;
  if (found.item === undefined) {
    const message = `The manifest of '${command}' on this host is invalid: ${found.fault}`;
    return reject("INVALID_COMMAND", message);
  }
  const program = found.item;
  const { timeoutMs, concurrency, isCancellable } = program;
  const { values, fault } = isJsonObject(parameters)
    ? applyDefaults(program, parameters)
    : { fault: "parameters must be an object" };
  if (values === undefined) return reject("INVALID_PARAMETERS", fault);
  const unfit = checkArguments(program, values);
  if (unfit !== undefined) return reject("INVALID_PARAMETERS", unfit);
  const { files, fault: wrongFile } = readFiles(program.schema, values);
  if (files === undefined) return reject("INVALID_PARAMETERS", wrongFile);
  return {
    input: {
      ...program,
      steps: (placed: JsonObject) => [buildArgv(program, placed)],
      files,
      values,
    },
    limits: {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(concurrency === undefined ? {} : { concurrency }),
      isCancellable,
    },
  };
}
