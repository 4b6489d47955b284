/**
 * Keeps the output of ended programs for subscribers that have not read all of it, for example
 * because the connection was lost: for a stated time, and up to a stated size. Without subscribers
 * the files of a run are deleted at its end.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { outputRetainedBytesMax, outputRetentionMs } from "../../../protocol/limits.ts";
import type { Clock } from "../../../time/clock.ts";

export interface OutputRetentionOptions {
  clock: Pick<Clock, "after">;
  /** Deletes the directory of a run. */
  remove(dir: string): void;
  /** The limit of all retained output, in bytes. */
  bytesMax?: number;
}

/** How long output stays that a subscriber has read; its reader may be interrupted, and resume. */
const afterReadMs = 30_000;

interface RetainedRun {
  bytes: number;
  cancel(): void;
}

export class OutputRetention {
  readonly #options: OutputRetentionOptions;
  /** By the directory of the run, the oldest first. */
  readonly #runs = new Map<string, RetainedRun>();
  #bytes = 0;

  constructor(options: OutputRetentionOptions) {
    this.#options = options;
  }

  /** Keeps the run of this directory. `endedMs` is how long ago its program ended. */
  keep(dir: string, endedMs = 0): void {
    this.#forget(dir);
    const bytes = directoryBytes(dir);
    this.#bytes += bytes;
    const restMs = Math.max(0, outputRetentionMs - endedMs);
    this.#runs.set(dir, { bytes, cancel: this.#removeAfter(dir, restMs) });
    const { bytesMax = outputRetainedBytesMax } = this.#options;
    for (const oldest of this.#runs.keys()) {
      if (this.#bytes <= bytesMax) return;
      this.#remove(oldest);
    }
  }

  /** A subscriber has read the output to its end. */
  onRead(dir: string): void {
    const run = this.#runs.get(dir);
    if (run === undefined) return;
    run.cancel();
    run.cancel = this.#removeAfter(dir, afterReadMs);
  }

  #removeAfter(dir: string, ms: number): () => void {
    return this.#options.clock.after(ms, () => this.#remove(dir));
  }

  #remove(dir: string): void {
    this.#forget(dir);
    this.#options.remove(dir);
  }

  #forget(dir: string): void {
    const run = this.#runs.get(dir);
    run?.cancel();
    this.#bytes -= run?.bytes ?? 0;
    this.#runs.delete(dir);
  }
}

function directoryBytes(dir: string): number {
  try {
    return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  } catch {
    // A directory that cannot be read is deleted at the end of its time.
    return 0;
  }
}
