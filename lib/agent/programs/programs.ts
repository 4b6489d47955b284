/**
 * Commands that run as programs outside the agent. Each kind checks its commands against the host's
 * files and flags. Supervisors run them, and they outlive this process.
 */
import type { Capability } from "../../protocol/api/views.ts";
import type { CheckResult } from "../core/admission.ts";
import type {
  CommandResult,
  OutputPiece,
  OutputSubscription,
  RunSpec,
  SubscriptionRef,
} from "../core/model.ts";
import { buildResult } from "../supervisor/result/runResult.ts";
import type { Runs } from "../supervisor/supervisorClient.ts";
import type { ProgramKind, ResolvedProgram } from "./programKind.ts";
import { buildRunSpec, type RunSetting } from "./runSpec.ts";

export class Programs {
  readonly #kinds: readonly ProgramKind[];
  readonly #runs: Runs;

  /** The number of bytes that are kept of a program's output. */
  readonly #outputBytesMax: number;

  readonly #helpers: Pick<RunSetting, "fetching" | "storing">;

  /** @param kinds The first kind that resolves a command applies. */
  constructor(
    kinds: readonly ProgramKind[],
    runs: Runs,
    { outputBytesMax, ...helpers }: Omit<RunSetting, "dir">,
  ) {
    this.#kinds = kinds;
    this.#runs = runs;
    this.#outputBytesMax = outputBytesMax;
    this.#helpers = helpers;
  }

  /** Returns the commands of all kinds as capabilities. */
  entries(): Capability[] {
    return this.#kinds.flatMap((kind) => kind.entries());
  }

  /** Returns undefined if the command is of none of these kinds. */
  check(command: string, parameters: unknown): CheckResult | undefined {
    const resolved = this.#resolve(command, parameters);
    if (resolved === undefined) return undefined;
    return resolved.refused ?? { endsProcess: false, outlives: true, ...resolved.limits };
  }

  /** Whether the command runs as a program, and not as a built-in command of the agent. */
  isProgram({ command, parameters }: RunSpec): boolean {
    return this.#resolve(command, parameters) !== undefined;
  }

  prepareRun(requestId: string): void {
    this.#runs.prepare(requestId);
  }

  run(request: RunSpec, signal: AbortSignal, done: (result: CommandResult) => void): void {
    const resolved = this.#resolve(request.command, request.parameters);
    if (resolved?.input === undefined) {
      const message = "the host's configuration no longer allows this command; it was not started";
      return queueMicrotask(() => done({ status: "not_started", message }));
    }
    this.#stopOn(signal, request.requestId);
    const dir = this.#runs.runDirectory(request.requestId);
    const spec = buildRunSpec(request, resolved.input, {
      ...{ dir, outputBytesMax: this.#outputBytesMax, ...this.#helpers },
    });
    this.#runs.start(spec, (end) => done(buildResult(end, spec)));
  }

  /** Resumes a run that an earlier process of this agent started. */
  resume(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void {
    this.#stopOn(signal, requestId);
    this.#runs.resume(requestId, (end, spec) => done(buildResult(end, spec)));
  }

  deleteRunDirectory(requestId: string): void {
    this.#runs.deleteRunDirectory(requestId);
  }

  subscribeOutput(subscription: OutputSubscription, emit: (piece: OutputPiece) => void): void {
    this.#runs.subscribeOutput(subscription, emit);
  }

  unsubscribeOutput(left?: SubscriptionRef): void {
    this.#runs.unsubscribeOutput(left);
  }

  #stopOn(signal: AbortSignal, requestId: string): void {
    const stop = () => this.#runs.stop(requestId, signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  }

  #resolve(command: string, parameters: unknown): ResolvedProgram | undefined {
    for (const kind of this.#kinds) {
      const resolved = kind.resolve(command, parameters);
      if (resolved !== undefined) return resolved;
    }
    return undefined;
  }
}
