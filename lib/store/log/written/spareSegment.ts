/** The space of the next segment of a log, allocated before the written one is full. */
import type { SegmentInfo } from "../segments.ts";
import { type LogFile, type LogStorage, unfinishedSuffix } from "../storage.ts";

const spareName = `spare${unfinishedSuffix}`;
/** The next segment is allocated when this part of the written one is left. */
const spareShare = 0.25;

export class SpareSegment {
  readonly #storage: LogStorage;
  #file: { file: LogFile; bytes: number } | undefined;

  constructor(storage: LogStorage) {
    this.#storage = storage;
  }

  /**
   * Allocates the space if little is left after the next batch. On a full disk, what is left of the
   * written segment is kept for essential batches.
   */
  keep(written: SegmentInfo, batchBytes: number, size: number, isEssential: boolean): void {
    if (this.#file !== undefined) return;
    if (written.bytes - written.end - batchBytes > written.bytes * spareShare) return;
    try {
      this.#file = { file: this.#storage.create(spareName, size), bytes: size };
    } catch (error) {
      if (!isEssential) throw error;
    }
  }

  /** Takes the space if it is large enough for what is needed; otherwise gives it up. */
  take(bytes: number): { file: LogFile; size: number; from: string } | undefined {
    const spare = this.#file;
    this.#file = undefined;
    if (spare !== undefined && spare.bytes >= bytes) {
      return { file: spare.file, size: spare.bytes, from: spareName };
    }
    spare?.file.close();
    return undefined;
  }

  close(): void {
    this.#file?.file.close();
    this.#file = undefined;
  }
}
