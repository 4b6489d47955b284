/**
 * Commands that run as programs outside of the agent. Each kind judges its own by the host's files
 * and flags; all are run by supervisors, and outlive this process.
 */
import type { CatalogueEntry } from "../../protocol/api/views.ts";
import type { Checked } from "../core/admission.ts";
import type { CommandResult, FollowOrder, Left, OutputPiece, RunOrder } from "../core/model.ts";
import { resultOf } from "../supervisor/runResult.ts";
import type { Runs } from "../supervisor/supervisorClient.ts";
import type { ProgramKind, Resolved } from "./programKind.ts";
import { specOf } from "./runSpec.ts";

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
  entries(): CatalogueEntry[] {
    return this.#kinds.flatMap((kind) => kind.entries());
  }

  /** Undefined where the command is none of these. */
  check(command: string, parameters: unknown): Checked | undefined {
    const resolved = this.#resolve(command, parameters);
    if (resolved === undefined) return undefined;
    return resolved.refused ?? { endsProcess: false, outlives: true, ...resolved.limits };
  }

  /** Whether `run` is for it, and not a command that is built in. */
  isTheirs({ command, parameters }: RunOrder): boolean {
    return this.#resolve(command, parameters) !== undefined;
  }

  run(order: RunOrder, signal: AbortSignal, done: (result: CommandResult) => void): void {
    const resolved = this.#resolve(order.command, order.parameters);
    if (resolved?.wanted === undefined) {
      const message = "what the host allows was changed before it could start";
      return queueMicrotask(() => done({ status: "not_started", message }));
    }
    this.#stopOn(signal, order.requestId);
    const dir = this.#runs.dirOf(order.requestId);
    const spec = specOf(order, resolved.wanted, { dir, outputBytesMax: this.#outputBytesMax });
    this.#runs.start(spec, (end) => done(resultOf(end, spec)));
  }

  /** Takes up what an earlier process of this agent began. */
  adopt(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void {
    this.#stopOn(signal, requestId);
    this.#runs.adopt(requestId, (end, spec) => done(resultOf(end, spec)));
  }

  forget(requestId: string): void {
    this.#runs.forget(requestId);
  }

  follow(order: FollowOrder, emit: (piece: OutputPiece) => void): void {
    this.#runs.follow(order, emit);
  }

  unfollow(left?: Left): void {
    this.#runs.unfollow(left);
  }

  #stopOn(signal: AbortSignal, requestId: string): void {
    const stop = () => this.#runs.stop(requestId, signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  }

  #resolve(command: string, parameters: unknown): Resolved | undefined {
    for (const kind of this.#kinds) {
      const resolved = kind.resolve(command, parameters);
      if (resolved !== undefined) return resolved;
    }
    return undefined;
  }
}
