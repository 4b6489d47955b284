/** The way of a node to NATS: requests that take their time, are lost, or come twice. */
import type { ProcessClock, Time } from "../time.ts";
import type { NatsServer } from "./natsServer.ts";

/** What happens on the way of one node, whatever process runs there. */
export class Cable {
  cutUntil = 0;
  slowMs = 0;
  slowUntil = 0;
  /** So many answers to publications are lost, after NATS has stored them. */
  lostAnswers = 0;
  /** So many publications come again later. */
  repeated = 0;
}

/** A duplicate comes at most so much later. */
const againMs = 4_000;

export interface LinkOptions {
  time: Time;
  clock: ProcessClock;
  cable: Cable;
  server: NatsServer;
  /** How long one way takes. */
  delayMs(): number;
  random(): number;
}

export class NatsLink {
  readonly #options: LinkOptions;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  isCut(at = this.#options.time.now): boolean {
    const { cable, server } = this.#options;
    return cable.cutUntil > at || server.isGoneUntil > at;
  }

  /** When the way may be open again. */
  get openAt(): number {
    const { cable, server } = this.#options;
    return Math.max(cable.cutUntil, server.isGoneUntil);
  }

  wayMs(): number {
    const { time, cable, delayMs, random } = this.#options;
    const slowMs = time.now < cable.slowUntil ? Math.floor(random() * cable.slowMs) : 0;
    return delayMs() + slowMs;
  }

  /** @throws {Error} if no answer comes in time; then it may have been carried out, or may yet be */
  request<T>(timeoutMs: number, carryOut: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.send(timeoutMs, carryOut, false, resolve, reject);
    });
  }

  /** Does the same for a publication, or anything else, without a promise. */
  send<T>(
    timeoutMs: number,
    carryOut: () => T,
    isPublication: boolean,
    answered: (answer: T) => void,
    failed: (error: Error) => void,
  ): void {
    const { time, clock, cable, random } = this.#options;
    let isOver = false;
    const over = (run: () => void) => {
      if (isOver) return;
      isOver = true;
      cancel();
      run();
    };
    const cancel = clock.after(timeoutMs, () => over(() => failed(new Error("timeout"))));
    if (this.isCut()) return;
    time.after(this.wayMs(), () => {
      if (this.isCut()) return;
      if (isPublication && cable.repeated > 0) {
        cable.repeated--;
        time.after(Math.floor(random() * againMs), () => this.#attempt(carryOut));
      }
      const result = this.#attempt(carryOut);
      if (isPublication && cable.lostAnswers > 0) {
        cable.lostAnswers--;
        return;
      }
      time.after(this.wayMs(), () => {
        if (this.isCut()) return;
        clock.run(() =>
          over(() => ("error" in result ? failed(result.error) : answered(result.value))),
        );
      });
    });
  }

  /**
   * The same for a process that stands still until the answer is there. Returns undefined if none
   * comes.
   *
   * @param afterMs how long it has stood still already
   */
  now<T>(afterMs: number, carryOut: () => T): { value: T } | undefined {
    const { time, cable } = this.#options;
    if (this.isCut(time.now + afterMs)) return undefined;
    const value = carryOut();
    if (cable.lostAnswers > 0) {
      cable.lostAnswers--;
      return undefined;
    }
    return { value };
  }

  #attempt<T>(carryOut: () => T): { value: T } | { error: Error } {
    try {
      return { value: carryOut() };
    } catch (error) {
      return { error: error as Error };
    }
  }
}
