/**
 * Deletes directories. If one cannot be deleted, for example because of a mount or an immutable
 * file in it, the deletion is repeated every minute, and by the next process at its start.
 */
import { rmSync } from "node:fs";
import type { FaultGuard } from "../../log/faultGuard.ts";
import type { Clock } from "../../time/clock.ts";

export interface DirectoryCleanupOptions {
  guard: FaultGuard;
  clock: Pick<Clock, "after">;
  remove?(dir: string): void;
}

const retryMs = 60_000;
/** Further directories are left to the next start. */
const retriedMax = 10_000;

export class DirectoryCleanup {
  readonly #options: DirectoryCleanupOptions;
  readonly #left = new Set<string>();
  #isArmed = false;

  constructor(options: DirectoryCleanupOptions) {
    this.#options = options;
  }

  remove(dir: string): void {
    const { guard, remove = removeWhole } = this.#options;
    const next = "The agent tries again every minute";
    const isGone = guard.attempt(`remove "${dir}"`, () => remove(dir), next);
    if (isGone) this.#left.delete(dir);
    else if (this.#left.size < retriedMax) this.#left.add(dir);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed || this.#left.size === 0) return;
    this.#isArmed = true;
    this.#options.clock.after(retryMs, () => {
      this.#isArmed = false;
      for (const dir of [...this.#left]) this.remove(dir);
    });
  }
}

function removeWhole(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}
