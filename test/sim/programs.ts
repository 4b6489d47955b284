/** Programs on a host: outside of the agent's process, so that they live on when it dies. */
import type {
  CommandResult,
  OutputPiece,
  OutputSubscription,
  RunSpec,
  StopReason,
  SubscriptionRef,
} from "../../lib/agent/core/model.ts";
import type { Host } from "./nodes.ts";
import type { ProcessClock } from "./time.ts";
import { type VersionKind, versionOf } from "./trials.ts";
import type { World } from "./world.ts";

/** What a job asks a command to do. */
export interface Work {
  marker: string;
  ms: number;
  ends: "success" | "failed";
  stubborn: boolean;
  /** What an update brings. */
  version: VersionKind;
}

type Done = (result: CommandResult) => void;

interface Program {
  work: Work;
  result?: CommandResult;
  /** Of the process that waits for it. */
  tell: Done;
  /** Pieces of output that it has written; the spool keeps the latest few. */
  written: number;
}

interface Follower {
  subscription: OutputSubscription;
  seen: number;
  left: number;
  /** Of the process that serves it. */
  clock: ProcessClock;
  emit(piece: OutputPiece): void;
}

/** What a spool keeps, and how many pieces a program writes in all. */
const spoolPieces = 40;
const writeEveryMs = 400;
const pieceBytes = 100;
/** Between the request to stop and the end that nothing can refuse. */
const killMs = 3_000;

export class Programs {
  readonly #world: World;
  readonly #host: Host;
  #programs = new Map<string, Program>();
  readonly #followers = new Map<string, Follower>();

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
  }

  start(clock: ProcessClock, spec: RunSpec, signal: AbortSignal, done: Done): void {
    const { requestId, timeoutMs } = spec;
    const work = spec.parameters as unknown as Work;
    const { time } = this.#world;
    this.#world.trace(`${this.#host.name} runs program of ${work.marker}`);
    this.#world.executed(this.#host, work.marker);
    const program: Program = { work, tell: () => {}, written: 0 };
    this.#programs.set(requestId, program);
    this.#write(requestId, program);
    this.#follow(clock, program, signal, done);
    time.after(work.ms, () => this.#end(requestId, program, this.#resultOf(spec)));
    time.after(timeoutMs, () => this.#stop(requestId, program, "timeout"));
  }

  #resultOf({ command, parameters }: RunSpec): CommandResult {
    const { marker, ends, version } = parameters as unknown as Work;
    if (command === "update" && ends === "success") {
      const { name: to } = versionOf(marker, version);
      const [from, file] = [this.#host.installed.name, "staged"];
      const update = { from, to, file, connectMs: 30_000, healthyMs: 5_000 };
      return { status: "restart", update };
    }
    return { status: ends, message: `${marker}/${this.#host.agentId}: done` };
  }

  adopt(clock: ProcessClock, requestId: string, signal: AbortSignal, done: Done): void {
    const program = this.#programs.get(requestId);
    if (program === undefined) {
      return clock.defer(() => done({ status: "unknown", message: "its supervisor is gone" }));
    }
    this.#world.met("program taken up again");
    this.#follow(clock, program, signal, done);
    if (program.result !== undefined) program.tell(program.result);
  }

  /** As the product's agent does: from the spool, at the subscriber's pace, also after the end. */
  follow(
    clock: ProcessClock,
    subscription: OutputSubscription,
    emit: (piece: OutputPiece) => void,
  ): void {
    const { requestId, subscriptionId, after, bytes } = subscription;
    if (subscription.program !== "open" && !this.#programs.has(requestId)) {
      const cut = subscription.program === "ended" ? ({ incomplete: true } as const) : {};
      return emit({
        requestId,
        subscription_id: subscriptionId,
        sequence: after,
        end: true,
        ...cut,
      });
    }
    const key = `${requestId}/${subscriptionId}`;
    const seen = Math.max(after, this.#followers.get(key)?.seen ?? 0);
    const left = bytes - (seen - after) * pieceBytes;
    this.#followers.set(key, { subscription, seen, left, clock, emit });
    this.#pass(requestId);
  }

  unfollow(left?: SubscriptionRef): void {
    if (left === undefined) this.#followers.clear();
    else this.#followers.delete(`${left.requestId}/${left.subscriptionId}`);
  }

  forget(requestId: string): void {
    this.#pass(requestId);
    const isFollowed = [...this.#followers.values()].some(
      ({ subscription }) => subscription.requestId === requestId,
    );
    // Who follows it may read it to the end.
    if (isFollowed) this.#world.time.after(30_000, () => this.#programs.delete(requestId));
    else this.#programs.delete(requestId);
  }

  /** The machine is off. */
  kill(): void {
    if (this.#programs.size > 0) this.#world.met("program died with its machine");
    this.#programs = new Map();
  }

  #follow(clock: ProcessClock, program: Program, signal: AbortSignal, done: Done): void {
    program.tell = (result) => clock.defer(() => done(result));
    signal.addEventListener("abort", () => {
      for (const [requestId, each] of this.#programs) {
        if (each === program) this.#stop(requestId, program, signal.reason);
      }
    });
  }

  #stop(requestId: string, program: Program, why: StopReason): void {
    const result = { status: "stopped", why, hasBegun: true, output: "" } as const;
    const end = () => this.#end(requestId, program, result);
    this.#world.time.after(program.work.stubborn ? killMs : 1, end);
  }

  #end(requestId: string, program: Program, result: CommandResult): void {
    if (this.#programs.get(requestId) !== program || program.result !== undefined) return;
    program.result = result;
    this.#pass(requestId);
    program.tell(result);
  }

  /** Writes on until it ends; it waits for nobody, so that a slow follower meets gaps. */
  #write(requestId: string, program: Program): void {
    if (this.#programs.get(requestId) !== program || program.result !== undefined) return;
    program.written++;
    this.#pass(requestId);
    this.#world.time.after(writeEveryMs, () => this.#write(requestId, program));
  }

  /** A process that is paused reads nothing until it goes on. */
  #pass(requestId: string): void {
    if (this.#followers.size === 0) return;
    for (const [key, follower] of [...this.#followers]) {
      if (follower.subscription.requestId !== requestId) continue;
      follower.clock.run(() => this.#serve(key, follower));
    }
  }

  #serve(key: string, follower: Follower): void {
    const { subscription, emit } = follower;
    const { requestId, subscriptionId } = subscription;
    const program = this.#programs.get(requestId);
    if (program === undefined || this.#followers.get(key) !== follower) return;
    const { written, result } = program;
    while (follower.left > 0 && follower.seen < written) {
      const sequence = Math.max(follower.seen + 1, written - spoolPieces + 1);
      const skipped = sequence - follower.seen - 1;
      follower.seen = sequence;
      follower.left -= pieceBytes;
      const bytes = Buffer.from(String(sequence).padEnd(pieceBytes));
      const piece = {
        requestId,
        subscription_id: subscriptionId,
        sequence,
        stream: "stdout",
        bytes,
      } as const;
      emit({ ...piece, ...(skipped > 0 ? { skipped } : {}) });
    }
    if (result === undefined || follower.left <= 0 || follower.seen < written) return;
    this.#followers.delete(key);
    emit({ requestId, subscription_id: subscriptionId, sequence: written, end: true });
  }
}
