/**
 * Decides where a log syncs: on the event loop while the disk is quick, because handing a sync to
 * another thread costs more than a quick sync; on another thread while it is slow.
 */

/** A single sync above this goes to another thread from then on, in milliseconds. */
const slowMs = 3;
/** The average above which syncs go to another thread, in milliseconds. */
const averageMaxMs = 0.9;
/** The weight of the newest sync in the average. */
const weight = 1 / 16;
/** After this many syncs on another thread, one on the event loop measures the disk again. */
const probeAfterMin = 128;
/** The same at most, after the disk was found slow again and again. */
const probeAfterMax = 4096;

export class SyncPolicy {
  #averageMs = 0;
  #isSlow = false;
  #sinceProbe = 0;
  #probeAfter = probeAfterMin;

  /** Whether the next sync runs on the event loop. */
  get isInline(): boolean {
    return !this.#isSlow || this.#sinceProbe >= this.#probeAfter;
  }

  /**
   * Takes the duration of a sync in milliseconds. Only syncs on the event loop measure the disk: a
   * duration on another thread contains the wait for the event loop.
   */
  measured(ms: number, isInline: boolean): void {
    if (!isInline) {
      this.#sinceProbe++;
      return;
    }
    this.#averageMs += (ms - this.#averageMs) * weight;
    if (!this.#isSlow) {
      this.#isSlow = ms > slowMs || this.#averageMs > averageMaxMs;
      if (this.#isSlow) this.#probeAfter = probeAfterMin;
    } else {
      this.#isSlow = ms > averageMaxMs;
      this.#probeAfter = Math.min(this.#probeAfter * 2, probeAfterMax);
      if (!this.#isSlow) this.#averageMs = ms;
    }
    this.#sinceProbe = 0;
  }
}
