/** Lets the jobs of a session send in turn, as fast as its connection takes what they send. */
import { sessionQueueBytes } from "../../protocol/sessionLimits.ts";
import type { QueuedSocket } from "../../runtime/runtime.ts";
import type { Outbox } from "./outbox.ts";
import type { SessionJob } from "./sessionJob.ts";

export class Turns {
  readonly #socket: QueuedSocket;
  readonly #outbox: Outbox;
  #waiting: SessionJob[] = [];
  #isRunning = false;

  constructor(socket: QueuedSocket, outbox: Outbox) {
    this.#socket = socket;
    this.#outbox = outbox;
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
      while (this.#waiting.length > 0 && this.#outbox.queuedBytes <= sessionQueueBytes) {
        this.#waiting.shift()?.step();
      }
    } finally {
      this.#isRunning = false;
    }
    if (this.#waiting.length === 0) return;
    // What was said in this step may already be more than enough.
    this.#outbox.flush();
    if (this.#socket.queuedBytes > sessionQueueBytes) {
      return this.#socket.whenDrained(() => this.#run());
    }
    queueMicrotask(() => this.#run());
  }
}
