/** A tool that a language model may call, and what the tools work with. */
import type * as v from "valibot";
import type { Client } from "../client/client.ts";

export interface ToolContext {
  client: Client;
  /** The most agents that one call may run a command on. */
  agentsMax: number;
  /** Aborted when the model's program cancels the call. */
  signal: AbortSignal;
}

export interface Tool<Schema extends v.GenericSchema = v.GenericSchema> {
  name: string;
  title: string;
  description: string;
  parameters: Schema;
  /** `look` changes nothing; `act` needs `--allow-actions`. */
  kind: "look" | "act";
  run(parameters: v.InferOutput<Schema>, context: ToolContext): Promise<unknown>;
}

/** Keeps the type of a tool's parameters within its own definition. */
export function tool<Schema extends v.GenericSchema>(definition: Tool<Schema>): Tool {
  return definition as unknown as Tool;
}

/** The client takes a field as absent only if it is not there. */
export function withoutAbsent<T extends object>(
  query: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}
