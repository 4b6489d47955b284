/** Commands that are programs of the operator's own: judged by their manifests, run by supervisors. */
import { userInfo } from "node:os";
import process from "node:process";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import type { Checked } from "../commands/command.ts";
import type { CommandResult, RunOrder } from "../records.ts";
import type { Catalogue } from "./catalogue.ts";
import { argvOf, fillIn, type Program, textOf } from "./manifest.ts";
import type { RunEnd } from "./run.ts";
import type { Runs } from "./runs.ts";

/** What a program may know of the agent's own environment. */
const passedOn = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

export class Programs {
  readonly #catalogue: Catalogue;
  readonly #runs: Runs;

  constructor(catalogue: Catalogue, runs: Runs) {
    this.#catalogue = catalogue;
    this.#runs = runs;
  }

  get names(): string[] {
    return this.#catalogue.list().flatMap(({ program }) => (program ? [program.name] : []));
  }

  /** Undefined where there is no such program. */
  check(name: string, parameters: unknown): Checked | undefined {
    const found = this.#catalogue.find(name);
    if (found === undefined) return undefined;
    if (found.program === undefined) {
      const message = `The manifest of '${name}' on this host is faulty: ${found.fault}`;
      return { code: "INVALID_COMMAND", message };
    }
    const { program } = found;
    if (!isJsonObject(parameters)) {
      return { code: "INVALID_PARAMETERS", message: "parameters must be an object" };
    }
    const { fault } = fillIn(program, parameters);
    if (fault !== undefined) return { code: "INVALID_PARAMETERS", message: fault };
    const { timeoutMs, concurrency } = program;
    return {
      endsProcess: false,
      outlives: true,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(concurrency === undefined ? {} : { concurrency }),
    };
  }

  run(order: RunOrder, signal: AbortSignal, done: (result: CommandResult) => void): void {
    const { requestId, command, parameters, timeoutMs } = order;
    const program = this.#catalogue.find(command)?.program;
    const filled = program === undefined ? undefined : fillIn(program, parameters);
    if (program === undefined || filled?.values === undefined) {
      const message = "its manifest was changed or taken away before it could start";
      return void queueMicrotask(() => done({ status: "failed", message }));
    }
    this.#stopOn(signal, requestId);
    const spec = {
      requestId,
      argv: asUser(program.user, argvOf(program, filled.values)),
      env: envOf(program, order, filled.values, this.#runs.resultFileOf(requestId)),
      directory: program.directory,
      stdin: `${JSON.stringify(filled.values)}\n`,
      timeoutMs,
      outputBytes: program.outputBytes,
    };
    this.#runs.start(spec, (end) => done(resultOf(end)));
  }

  /** Takes up what an earlier process of this agent began. */
  adopt(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void {
    this.#stopOn(signal, requestId);
    this.#runs.adopt(requestId, (end) => done(resultOf(end)));
  }

  forget(requestId: string): void {
    this.#runs.forget(requestId);
  }

  #stopOn(signal: AbortSignal, requestId: string): void {
    signal.addEventListener("abort", () => this.#runs.stop(requestId, signal.reason), {
      once: true,
    });
  }
}

/** How a run ended, as a result of the command. */
export function resultOf(end: RunEnd | undefined): CommandResult {
  if (end === undefined) {
    const message = "its supervisor is gone; it cannot be known how the program ended";
    return { status: "unknown", message };
  }
  const { stopped, fault, exitCode, signal, output } = end;
  if (stopped !== undefined && fault !== undefined) return { status: "unknown", message: fault };
  if (stopped === "timeout" || stopped === "cancel") {
    return { status: "stopped", why: stopped, output };
  }
  if (fault !== undefined) return { status: "failed", message: fault };
  const result = end.result ?? { exit_code: exitCode ?? null, ...(signal ? { signal } : {}) };
  const isSuccess = exitCode === 0 && stopped === undefined;
  const head = isSuccess ? [] : [howItFailed(end)];
  const message = [...head, output.trimEnd()].filter((part) => part !== "").join("\n");
  return { status: isSuccess ? "success" : "failed", message, result };
}

function howItFailed({ exitCode, signal, stopped }: RunEnd): string {
  if (stopped === "shutdown") return "stopped, as the host or the agent's service went down";
  return exitCode === undefined ? `ended by ${signal}` : `exited with status ${exitCode}`;
}

function envOf(
  program: Program,
  { requestId, command }: RunOrder,
  values: JsonObject,
  resultFile: string,
): Record<string, string> {
  const own = passedOn.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const parameters = Object.entries(values).map(
    ([key, value]) => [`WSCTL_PARAM_${envKey(key)}`, textOf(value)] as const,
  );
  return {
    ...Object.fromEntries(own),
    ...program.env,
    ...Object.fromEntries(parameters.filter(([, value]) => !value.includes("\0"))),
    WSCTL_COMMAND: command,
    WSCTL_REQUEST_ID: requestId,
    WSCTL_RESULT_FILE: resultFile,
  };
}

function envKey(key: string): string {
  return key.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

/** Only root can become somebody else, and who that is needs no help. */
function asUser(user: string | undefined, argv: string[]): string[] {
  if (user === undefined || user === userInfo().username) return argv;
  return ["runuser", "-u", user, "--", ...argv];
}
