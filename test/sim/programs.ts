/** Programs on a host: outside of the agent's process, so that they live on when it dies. */
import type { CommandResult, RunOrder, StopReason } from "../../lib/agent/records.ts";
import type { Host } from "./nodes.ts";
import type { ProcessClock } from "./time.ts";
import type { World } from "./world.ts";

/** What an order asks a command to do. */
export interface Work {
  marker: string;
  ms: number;
  ends: "success" | "failed";
  stubborn: boolean;
}

type Done = (result: CommandResult) => void;

interface Program {
  work: Work;
  result?: CommandResult;
  /** Of the process that waits for it. */
  tell: Done;
}

/** Between the request to stop and the end that nothing can refuse. */
const killMs = 3_000;

export class Programs {
  readonly #world: World;
  readonly #host: Host;
  #programs = new Map<string, Program>();

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
  }

  start(clock: ProcessClock, order: RunOrder, signal: AbortSignal, done: Done): void {
    const { requestId, timeoutMs } = order;
    const work = order.parameters as unknown as Work;
    const { time } = this.#world;
    this.#world.trace(`${this.#host.name} runs program of ${work.marker}`);
    this.#world.executed(this.#host, work.marker);
    const program: Program = { work, tell: () => {} };
    this.#programs.set(requestId, program);
    this.#follow(clock, program, signal, done);
    const message = `${work.marker}/${this.#host.agentId}: done`;
    time.after(work.ms, () => this.#end(requestId, program, { status: work.ends, message }));
    time.after(timeoutMs, () => this.#stop(requestId, program, "timeout"));
  }

  adopt(clock: ProcessClock, requestId: string, signal: AbortSignal, done: Done): void {
    const program = this.#programs.get(requestId);
    if (program === undefined) {
      return clock.soon(() => done({ status: "unknown", message: "its supervisor is gone" }));
    }
    this.#world.met("program taken up again");
    this.#follow(clock, program, signal, done);
    if (program.result !== undefined) program.tell(program.result);
  }

  forget(requestId: string): void {
    this.#programs.delete(requestId);
  }

  /** The machine is off. */
  kill(): void {
    if (this.#programs.size > 0) this.#world.met("program died with its machine");
    this.#programs = new Map();
  }

  #follow(clock: ProcessClock, program: Program, signal: AbortSignal, done: Done): void {
    program.tell = (result) => clock.soon(() => done(result));
    signal.addEventListener("abort", () => {
      for (const [requestId, each] of this.#programs) {
        if (each === program) this.#stop(requestId, program, signal.reason);
      }
    });
  }

  #stop(requestId: string, program: Program, why: StopReason): void {
    const result = { status: "stopped", why, output: "" } as const;
    const end = () => this.#end(requestId, program, result);
    this.#world.time.after(program.work.stubborn ? killMs : 1, end);
  }

  #end(requestId: string, program: Program, result: CommandResult): void {
    if (this.#programs.get(requestId) !== program || program.result !== undefined) return;
    program.result = result;
    program.tell(result);
  }
}
