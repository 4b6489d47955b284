/** Waits for a condition, with a timeout. */
import type { Clock } from "../../time/clock.ts";

export class ConditionWaiter {
  readonly #clock: Clock;
  #check: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Checks the conditions again after a change. */
  changed(): void {
    this.#check?.();
  }

  /** Resolves once the condition holds or the timeout has passed. */
  async waitUntil(isIdle: () => boolean, patienceMs: number): Promise<void> {
    if (isIdle()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(patienceMs, resolve);
      this.#check = () => {
        if (!isIdle()) return;
        cancel();
        resolve();
      };
    });
    this.#check = undefined;
  }
}
