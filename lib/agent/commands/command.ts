/**
 * What a command is. To add one: a file beside this one that exports a `CommandDefinition`, and a
 * line in `registry.ts`.
 */
import type * as v from "valibot";
import type { JsonObject } from "../../protocol/json.ts";
import type { CommandResult } from "../core/model.ts";

export interface CommandDefinition<Schema extends v.GenericSchema<JsonObject, unknown>> {
  name: string;
  /** One line for people. */
  summary: string;
  /** Strict: a parameter that it does not name is refused. */
  parameters: Schema;
  /** Whether it replaces the agent's process, so that whoever comes back answers it. */
  endsProcess?: boolean;
  /** Runs it. A throw is answered as `failed`; an abort asks to stop at the timeout. */
  run(parameters: v.InferOutput<Schema>, context: CommandContext): Promise<CommandResult>;
}

export interface CommandContext {
  signal: AbortSignal;
  /** What this agent says about itself. */
  host: HostInfo;
}

export interface HostInfo {
  version: string;
  runtime: string;
  hostname: string;
  os: string;
  arch: string;
  pid: number;
  /** Milliseconds since 1970. */
  startedAt: number;
}
