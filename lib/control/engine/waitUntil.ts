/** Waiting until something has come to rest, but not for ever. */
import type { Clock } from "../../time/clock.ts";

export class ConditionWaiter {
  readonly #clock: Clock;
  #check: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something has changed that might be waited for. */
  changed(): void {
    this.#check?.();
  }

  /** Resolves once it is so, or once patience is at its end. */
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
