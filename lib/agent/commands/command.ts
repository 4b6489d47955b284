/**
 * Defines a command. To add one, add a file beside this one that exports a `CommandDefinition`, and
 * a line in `registry.ts`.
 */
import type * as v from "valibot";
import type { JsonObject } from "../../protocol/json.ts";
import type { CommandResult } from "../core/model.ts";

export interface CommandDefinition<Schema extends v.GenericSchema<JsonObject, unknown>> {
  name: string;
  /** A one-line description. */
  summary: string;
  /** A strict schema: a parameter that it does not name is rejected. */
  parameters: Schema;
  /** Whether the command replaces the agent's process, so that the next process responds. */
  endsProcess?: boolean;
  /**
   * Runs the command. If it throws, the response is `failed`. The signal is aborted at the timeout.
   */
  run(parameters: v.InferOutput<Schema>, context: CommandContext): Promise<CommandResult>;
}

export interface CommandContext {
  signal: AbortSignal;
  /** Information about this host and this agent. */
  host: HostInfo;
  /**
   * Stores another address of the control plane.
   * @returns why it does not answer yet, or undefined
   * @throws {WsctlError} FORBIDDEN if it is less protected than the address of this agent
   */
  moveTo(server: string): Promise<string | undefined>;
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
