/** Reads entries of the log into the index, many in one transaction. */
import type { ChainEnd, EntryPlace } from "../../../store/log/segments.ts";
import type { JournalIndex } from "../feed/journalIndex.ts";

/** Entries in one transaction. */
const replayEntries = 2_000;

export class Replay {
  readonly #index: JournalIndex;
  readonly #onProgress: ((entries: number) => void) | undefined;
  #batches: { lines: string[]; place: EntryPlace }[] = [];
  #waiting = 0;
  #count = 0;
  #failure: unknown;

  /** @param onProgress takes how many entries were read so far */
  constructor(index: JournalIndex, onProgress?: (entries: number) => void) {
    this.#index = index;
    this.#onProgress = onProgress;
  }

  add(line: string, { sequence, segment, offset }: EntryPlace): void {
    const last = this.#batches.at(-1);
    if (last?.place.segment === segment && last.place.offset === offset) last.lines.push(line);
    else this.#batches.push({ lines: [line], place: { sequence, segment, offset } });
    this.#waiting++;
    // The digest is not known in the middle, so `applied` moves on only at the end.
    if (this.#waiting >= replayEntries) this.#write();
  }

  /** @param digest of the last batch of the log, which ends with `sequence` */
  finish(digest: Uint8Array, sequence: number): void {
    if (this.#count + this.#waiting > 0) this.#write({ sequence, digest });
    this.#settle();
  }

  #write(end?: ChainEnd): void {
    this.#settle();
    const batches = this.#batches;
    this.#batches = [];
    this.#index.write(batches, end, (error) => {
      this.#failure = error;
    });
    this.#count += this.#waiting;
    this.#waiting = 0;
    if (this.#count >= replayEntries) this.#onProgress?.(this.#count);
  }

  #settle(): void {
    this.#index.settle();
    if (this.#failure !== undefined) throw this.#failure;
  }
}
