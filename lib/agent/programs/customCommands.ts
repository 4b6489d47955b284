/** Commands of the operator's own: each a manifest in `commands.d`. */
import type { CatalogueEntry } from "../../protocol/api/views.ts";
import { isJsonObject } from "../../protocol/json.ts";
import { argvOf, faultOfArguments, fillIn, type Program } from "./commandManifest.ts";
import type { Catalogue } from "./manifestDirectory.ts";
import { type ProgramKind, type Resolved, refuse } from "./programKind.ts";

export function ownCommands(catalogue: Catalogue<Program>): ProgramKind {
  return {
    entries: () => catalogue.list().flatMap(({ item }) => (item ? [entryOf(item)] : [])),
    resolve: (command, parameters) => resolve(catalogue, command, parameters),
  };
}

function entryOf({ name, description, schema, timeoutMs }: Program): CatalogueEntry {
  const timeout = timeoutMs === undefined ? {} : { timeout_seconds: timeoutMs / 1000 };
  return { name, description, parameters: schema, output: true, ...timeout };
}

function resolve(
  catalogue: Catalogue<Program>,
  command: string,
  parameters: unknown,
): Resolved | undefined {
  const found = catalogue.find(command);
  if (found === undefined) return undefined;
  if (found.item === undefined) {
    const message = `The manifest of '${command}' on this host is faulty: ${found.fault}`;
    return refuse("INVALID_COMMAND", message);
  }
  const program = found.item;
  const { timeoutMs, concurrency, isCancellable } = program;
  const { values, fault } = isJsonObject(parameters)
    ? fillIn(program, parameters)
    : { fault: "parameters must be an object" };
  if (values === undefined) return refuse("INVALID_PARAMETERS", fault);
  const unfit = faultOfArguments(program, values);
  if (unfit !== undefined) return refuse("INVALID_PARAMETERS", unfit);
  return {
    wanted: { ...program, steps: [argvOf(program, values)], values },
    limits: {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(concurrency === undefined ? {} : { concurrency }),
      isCancellable,
    },
  };
}
