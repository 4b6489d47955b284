/**
 * Commands that run as programs outside of the agent: the operator's own, services that `restart`
 * may restart, and `exec`. They are judged by the host's own files and flags, and run by supervisors.
 */
import * as v from "valibot";
import type { CatalogueEntry } from "../../protocol/api.ts";
import { isJsonObject } from "../../protocol/json.ts";
import type { Checked } from "../commands/command.ts";
import { delaySecondsMax } from "../commands/restart.ts";
import type { CommandResult, FollowOrder, OutputPiece, RunOrder } from "../records.ts";
import type { Catalogue } from "./catalogue.ts";
import { execEntry, isAllowed, readExec } from "./exec.ts";
import { argvOf, fillIn, type Program } from "./manifest.ts";
import { resultOf } from "./result.ts";
import type { Runs } from "./runs.ts";
import type { Service } from "./service.ts";
import { specOf, type Wanted } from "./spec.ts";

export interface ProgramsOptions {
  commands: Catalogue<Program>;
  services: Catalogue<Service>;
  /** Patterns of what `exec` may run; none for nothing. */
  allowExec: readonly string[];
  runs: Runs;
}

/** What a command comes to: a program to run, or why not. */
type Resolved = { wanted: Wanted; program?: Program } | (Checked & { code: string });

const ServiceParameters = v.strictObject({
  service: v.string(),
  delay_seconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(delaySecondsMax)), 0),
});

export class Programs {
  readonly #options: ProgramsOptions;

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  get names(): string[] {
    return this.entries().map(({ name }) => name);
  }

  /** What it has, as it is announced; services are in the schema of `restart`, which is built in. */
  entries(): CatalogueEntry[] {
    const { commands, allowExec } = this.#options;
    const own = commands.list().flatMap(({ item }) => {
      if (item === undefined) return [];
      const { name, description, schema } = item;
      return [{ name, description, parameters: schema, output: true }];
    });
    return allowExec.length === 0 ? own : [execEntry, ...own];
  }

  /** The names of the services that may be restarted. */
  get services(): string[] {
    return this.#options.services.list().flatMap(({ item }) => (item ? [item.name] : []));
  }

  /** Undefined where the command is none of these. */
  check(command: string, parameters: unknown): Checked | undefined {
    const resolved = this.#resolve(command, parameters);
    if (resolved === undefined || "code" in resolved) return resolved;
    const { timeoutMs, concurrency, isCancellable } = resolved.program ?? {};
    return {
      endsProcess: false,
      outlives: true,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(isCancellable === undefined ? {} : { isCancellable }),
    };
  }

  /** Whether `run` is for it, and not a command that is built in. */
  isTheirs({ command, parameters }: RunOrder): boolean {
    return this.#resolve(command, parameters) !== undefined;
  }

  run(order: RunOrder, signal: AbortSignal, done: (result: CommandResult) => void): void {
    const resolved = this.#resolve(order.command, order.parameters);
    if (resolved === undefined || "code" in resolved) {
      const message = "what the host allows was changed before it could start";
      return queueMicrotask(() => done({ status: "failed", message }));
    }
    const { runs } = this.#options;
    this.#stopOn(signal, order.requestId);
    const spec = specOf(order, resolved.wanted, runs.resultFileOf(order.requestId));
    runs.start(spec, (end) => done(resultOf(end)));
  }

  /** Takes up what an earlier process of this agent began. */
  adopt(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void {
    this.#stopOn(signal, requestId);
    this.#options.runs.adopt(requestId, (end) => done(resultOf(end)));
  }

  forget(requestId: string): void {
    this.#options.runs.forget(requestId);
  }

  follow(order: FollowOrder, emit: (piece: OutputPiece) => void): void {
    this.#options.runs.follow(order, emit);
  }

  unfollow(): void {
    this.#options.runs.unfollow();
  }

  #stopOn(signal: AbortSignal, requestId: string): void {
    const stop = () => this.#options.runs.stop(requestId, signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  }

  #resolve(command: string, parameters: unknown): Resolved | undefined {
    if (command === "exec") return this.#exec(parameters);
    if (command === "restart") {
      const isService = isJsonObject(parameters) && Object.hasOwn(parameters, "service");
      return isService ? this.#service(parameters) : undefined;
    }
    return this.#own(command, parameters);
  }

  #own(command: string, parameters: unknown): Resolved | undefined {
    const found = this.#options.commands.find(command);
    if (found === undefined) return undefined;
    if (found.item === undefined) {
      const message = `The manifest of '${command}' on this host is faulty: ${found.fault}`;
      return { code: "INVALID_COMMAND", message };
    }
    const program = found.item;
    const { values, fault } = isJsonObject(parameters)
      ? fillIn(program, parameters)
      : { fault: "parameters must be an object" };
    if (values === undefined) return { code: "INVALID_PARAMETERS", message: fault };
    return { program, wanted: { ...program, steps: [argvOf(program, values)], values } };
  }

  #service(parameters: unknown): Resolved {
    const parsed = v.safeParse(ServiceParameters, parameters);
    if (!parsed.success) {
      const message = `parameters: expected {"service": NAME, "delay_seconds"?: 0 to ${delaySecondsMax}}`;
      return { code: "INVALID_PARAMETERS", message };
    }
    const { service, delay_seconds } = parsed.output;
    const found = this.#options.services.find(service);
    if (found?.item !== undefined) {
      return { wanted: { steps: found.item.steps, delayMs: delay_seconds * 1000 } };
    }
    const all = this.services;
    const known = all.length === 0 ? "it allows none" : `it allows: ${all.join(", ")}`;
    const why = found?.fault ?? `this host allows no restart of that service; ${known}`;
    return { code: "INVALID_PARAMETERS", message: `parameters.service: ${why}` };
  }

  #exec(parameters: unknown): Resolved {
    const { allowExec } = this.#options;
    if (allowExec.length === 0) {
      const message = "exec is off on this host; its agent allows it with --allow-exec";
      return { code: "FORBIDDEN", message };
    }
    const read = readExec(parameters);
    if (read.exec === undefined) return { code: "INVALID_PARAMETERS", message: read.fault };
    const { argv, stdin, directory } = read.exec;
    if (!isAllowed(allowExec, argv)) {
      const message = "this host's patterns for exec do not allow these arguments";
      return { code: "FORBIDDEN", message };
    }
    return { wanted: { steps: [argv], stdin, directory } };
  }
}
