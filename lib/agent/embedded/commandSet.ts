/** The commands of an agent inside another program: how they are checked, run and announced. */
import type { Capability } from "../../protocol/api/views.ts";
import { errorText } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { CheckResult } from "../core/admission.ts";
import type { CommandResult, RunSpec, StopReason } from "../core/model.ts";
import { unknownCommand } from "../core/response.ts";
import {
  formatStandardIssue,
  type ParametersOf,
  readJsonSchema,
  type StandardSchema,
} from "./standardSchema.ts";

/** What a command gets beside its parameters. */
export interface CommandContext {
  /** Identifies the request; a request is run at most once. */
  requestId: string;
  /** Aborted at the timeout, and when the request is cancelled. */
  signal: AbortSignal;
  /** Writes live output, for operators that follow the job. */
  write(text: string, stream?: "stdout" | "stderr"): void;
}

export interface CommandOptions<Schema extends StandardSchema> {
  /** One line for `wsctl commands` and for completions. */
  description?: string;
  /** The schema of the parameters; without one, any parameters are valid. */
  parameters?: Schema;
  /** The parameters as JSON Schema, for operators; by default what the schema says of itself. */
  jsonSchema?: JsonObject;
  /** The longest time that the command may run. */
  timeoutSeconds?: number;
  /** How many requests of this command may run at the same time. */
  concurrency?: number;
  /**
   * Runs the command. A returned text is the message of the response, any other value its result.
   * An error that it throws makes the response `failed`.
   */
  run(parameters: ParametersOf<Schema>, context: CommandContext): unknown;
}

/** Thrown by a command that has failed and has a result. */
export class CommandFailure extends Error {
  readonly result: unknown;

  constructor(message: string, result?: unknown) {
    super(message);
    this.result = result;
  }
}

/** How long a command may take to end after it was told to. */
const stopMs = 5_000;

const ping: CommandOptions<StandardSchema> = {
  description: "responds immediately, to check the connection",
  jsonSchema: { type: "object", additionalProperties: false },
  run: () => "pong",
};

export class CommandSet {
  readonly #commands = new Map<string, CommandOptions<StandardSchema>>([["ping", ping]]);

  add(name: string, options: CommandOptions<StandardSchema>): void {
    this.#commands.set(name, options);
  }

  check(name: string, parameters: unknown): CheckResult {
    const command = this.#commands.get(name);
    if (command === undefined) return unknownCommand(name, [...this.#commands.keys()]);
    const { timeoutSeconds, concurrency } = command;
    const checked = command.parameters?.["~standard"].validate(parameters);
    // A schema that takes its time decides when the command is about to run.
    if (checked !== undefined && !(checked instanceof Promise) && checked.issues !== undefined) {
      return { code: "INVALID_PARAMETERS", message: formatStandardIssue(checked.issues) };
    }
    return {
      endsProcess: false,
      ...(name === "ping" ? {} : { writesOutput: true }),
      ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
      ...(concurrency === undefined ? {} : { concurrency }),
    };
  }

  capabilities(): Capability[] {
    return [...this.#commands].map(([name, command]) => {
      const { description, timeoutSeconds, parameters } = command;
      const schema = command.jsonSchema ?? (parameters && readJsonSchema(parameters));
      return {
        name,
        ...(description === undefined ? {} : { description }),
        ...(schema === undefined ? {} : { parameters: schema }),
        ...(name === "ping" ? {} : { output: true }),
        ...(timeoutSeconds === undefined ? {} : { timeout_seconds: timeoutSeconds }),
      };
    });
  }

  /** Runs a command that was checked. */
  async run(
    { command: name, parameters }: RunSpec,
    context: CommandContext,
  ): Promise<CommandResult> {
    const command = this.#commands.get(name);
    if (command === undefined) return { status: "not_started", message: `no command "${name}"` };
    const checked = await command.parameters?.["~standard"].validate(parameters);
    if (checked?.issues !== undefined) {
      return { status: "not_started", message: formatStandardIssue(checked.issues) };
    }
    const valid = checked === undefined ? parameters : checked.value;
    const ran = Promise.resolve()
      .then(() => command.run(valid, context))
      .then(succeeded, (error) => failed(error, context.signal));
    return Promise.race([ran, givenUp(context.signal)]);
  }
}

function succeeded(value: unknown): CommandResult {
  if (value === undefined) return { status: "success" };
  return typeof value === "string"
    ? { status: "success", message: value }
    : { status: "success", result: value };
}

function failed(error: unknown, { aborted, reason }: AbortSignal): CommandResult {
  if (aborted) return { status: "stopped", why: reason as StopReason, hasBegun: true, output: "" };
  const message = errorText(error);
  return error instanceof CommandFailure && error.result !== undefined
    ? { status: "failed", message, result: error.result }
    : { status: "failed", message };
}

/** A command that does not end although it was told to: what becomes of it is not known. */
function givenUp(signal: AbortSignal): Promise<CommandResult> {
  return new Promise((resolve) => {
    const message = `the command did not end within ${stopMs / 1000} seconds of its signal`;
    const giveUp = () =>
      setTimeout(() => resolve({ status: "unknown", message }), stopMs).unref?.();
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
}
