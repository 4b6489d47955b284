/** Lets the jobs of a session send in turn, as fast as its connection takes what they send. */
import { sessionQueueBytes } from "../../protocol/sessionLimits.ts";
import type { QueuedSocket } from "../../runtime/runtime.ts";
import type { SessionJob } from "./sessionJob.ts";

export class Turns {
  readonly #socket: QueuedSocket;
  #waiting: SessionJob[] = [];
  #isRunning = false;

  constructor(socket: QueuedSocket) {
    this.#socket = socket;
  }

  /** Calls `step` of the job: now, or after those that asked before. */
  ask(job: SessionJob): void {
    this.#waiting.push(job);
    this.#run();
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0 && this.#socket.queuedBytes <= sessionQueueBytes) {
        this.#waiting.shift()?.step();
      }
    } finally {
      this.#isRunning = false;
    }
    if (this.#waiting.length > 0) this.#socket.whenDrained(() => this.#run());
  }
}
