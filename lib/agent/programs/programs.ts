/**
 * Commands that run as programs outside of the agent. Each kind judges its own by the host's files
 * and flags; all are run by supervisors, and outlive this process.
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
import { buildResult } from "../supervisor/runResult.ts";
import type { Runs } from "../supervisor/supervisorClient.ts";
import type { ProgramKind, ResolvedProgram } from "./programKind.ts";
import { buildRunSpec } from "./runSpec.ts";

export class Programs {
  readonly #kinds: readonly ProgramKind[];
  readonly #runs: Runs;

  /** What is kept of any program's output, in bytes. */
  readonly #outputBytesMax: number;

  /** The first kind that knows a command decides. */
  constructor(kinds: readonly ProgramKind[], runs: Runs, outputBytesMax: number) {
    this.#kinds = kinds;
    this.#runs = runs;
    this.#outputBytesMax = outputBytesMax;
  }

  /** What they have, as it is announced. */
  entries(): Capability[] {
    return this.#kinds.flatMap((kind) => kind.entries());
  }

  /** Undefined where the command is none of these. */
  check(command: string, parameters: unknown): CheckResult | undefined {
    const resolved = this.#resolve(command, parameters);
    if (resolved === undefined) return undefined;
    return resolved.refused ?? { endsProcess: false, outlives: true, ...resolved.limits };
  }

  /** Whether `run` is for it, and not a command that is built in. */
  isProgram({ command, parameters }: RunSpec): boolean {
    return this.#resolve(command, parameters) !== undefined;
  }

  run(order: RunSpec, signal: AbortSignal, done: (result: CommandResult) => void): void {
    const resolved = this.#resolve(order.command, order.parameters);
    if (resolved?.input === undefined) {
      const message = "what the host allows was changed before it could start";
      return queueMicrotask(() => done({ status: "not_started", message }));
    }
    this.#stopOn(signal, order.requestId);
    const dir = this.#runs.runDirectory(order.requestId);
    const spec = buildRunSpec(order, resolved.input, { dir, outputBytesMax: this.#outputBytesMax });
    this.#runs.start(spec, (end) => done(buildResult(end, spec)));
  }

  /** Takes up what an earlier process of this agent began. */
  resume(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void {
    this.#stopOn(signal, requestId);
    this.#runs.resume(requestId, (end, spec) => done(buildResult(end, spec)));
  }

  deleteRunDirectory(requestId: string): void {
    this.#runs.deleteRunDirectory(requestId);
  }

  subscribeOutput(order: OutputSubscription, emit: (piece: OutputPiece) => void): void {
    this.#runs.subscribeOutput(order, emit);
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
