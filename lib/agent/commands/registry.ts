/**
 * The built-in commands of this agent. The agent runs no others, whatever a control plane sends.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { isTestBuild } from "../../failpoints.ts";
import type { Capability } from "../../protocol/api/views.ts";
import { errorText } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { CheckResult } from "../core/admission.ts";
import type { CommandResult } from "../core/model.ts";
import { unknownCommand } from "../core/response.ts";
import type { CommandContext, CommandDefinition } from "./command.ts";
import { info } from "./info.ts";
import { moveAgent } from "./moveAgent.ts";
import { ping } from "./ping.ts";
import { restart } from "./restart.ts";
import { append } from "./testAppend.ts";

/** A command whose parameter type is known only in its own file. */
type AnyCommand = CommandDefinition<v.GenericSchema<JsonObject, unknown>>;

const definitions = [
  ping,
  info,
  restart,
  moveAgent,
  ...(isTestBuild ? [append] : []),
] as readonly unknown[] as readonly AnyCommand[];

export const commands: ReadonlyMap<string, AnyCommand> = new Map(
  definitions.map((definition) => [definition.name, definition]),
);

/**
 * Returns the built-in commands as capabilities.
 * @param services The services that `restart` may restart.
 */
export function entries(services: readonly string[]): Capability[] {
  return [...commands.values()].map(({ name, summary, parameters }) => {
    const schema = toJsonSchema(parameters, { errorMode: "ignore", typeMode: "input" });
    if (name !== restart.name || services.length === 0) {
      return { name, description: summary, parameters: { ...schema } };
    }
    const properties = { ...schema.properties, service: { type: "string", enum: [...services] } };
    return { name, description: summary, parameters: { ...schema, properties }, output: true };
  });
}

/**
 * Returns undefined if the command is built in and its parameters are valid, otherwise the error.
 * Pure.
 */
export function check(
  name: string,
  parameters: unknown,
  alsoKnown: readonly string[] = [],
): CheckResult {
  const command = commands.get(name);
  if (command === undefined) return unknownCommand(name, [...commands.keys(), ...alsoKnown]);
  const parsed = v.safeParse(command.parameters, parameters);
  if (parsed.success) return { endsProcess: command.endsProcess ?? false };
  return { code: "INVALID_PARAMETERS", message: `parameters: ${formatIssue(parsed.issues[0])}` };
}

/** Runs a command that was checked. An error that it throws becomes a `failed` result. */
export async function run(
  name: string,
  parameters: JsonObject,
  context: CommandContext,
): Promise<CommandResult> {
  try {
    const command = commands.get(name);
    if (command === undefined) throw new Error(`no command "${name}"`);
    return await command.run(v.parse(command.parameters, parameters), context);
  } catch (error) {
    return { status: "failed", message: errorText(error) };
  }
}
