/**
 * Compresses the closed segments of a log, one after the other, on another thread. The plain file
 * is removed when the compressed one, and its name, are on disk: whenever the machine stops, one of
 * them is whole.
 */

import type { SegmentInfo } from "../segments.ts";
import {
  compressedName,
  type LogFile,
  type LogStorage,
  segmentName,
  unfinishedSuffix,
} from "../storage.ts";
import { type Block, blockBytes, type CompressBlock, encodeTable } from "./blocks.ts";
import { openSegment, type SegmentFile } from "./segmentFile.ts";

/** The segments of the log, as far as they matter here. */
export interface CompressibleSegments {
  /** The oldest segment that is closed and not compressed. */
  readonly nextPlain: SegmentInfo | undefined;
  /** Oldest first; the last one is written. */
  readonly all: readonly SegmentInfo[];
  /** The plain file is gone. */
  compressed(first: number, diskBytes: number): void;
}

interface CompressorOptions {
  storage: LogStorage;
  segments: CompressibleSegments;
  compress: CompressBlock;
}

/** A disk with less free space than this many times a segment is left alone. */
const freeShare = 2;

/** Returns undefined where segments are not compressed. */
export function compressorOf(
  storage: LogStorage,
  segments: CompressibleSegments,
  compress: CompressBlock | undefined,
): SegmentCompressor | undefined {
  return compress && new SegmentCompressor({ storage, segments, compress });
}

export class SegmentCompressor {
  readonly #options: CompressorOptions;
  #run: CompressionRun | undefined;
  /** The segment that was written at the last failure: nothing is tried before it is closed. */
  #failedDuring: number | undefined;
  #isClosed = false;

  constructor(options: CompressorOptions) {
    this.#options = options;
  }

  /** Begins with the next segment, if there is one and none is being compressed. */
  wake(): void {
    const { storage, segments } = this.#options;
    if (this.#run !== undefined || this.#isClosed) return;
    const segment = segments.nextPlain;
    if (segment === undefined || this.#written === this.#failedDuring) return;
    try {
      if (storage.freeBytes < segment.end * freeShare) throw new Error("the disk is nearly full");
      this.#run = new CompressionRun(this.#options, segment, (isDone) => {
        this.#run = undefined;
        if (isDone) this.wake();
        else this.#failedDuring = this.#written;
      });
      this.#run.step();
    } catch {
      // The plain segment stays, which is right, too.
      this.#failedDuring = this.#written;
    }
  }

  get #written(): number | undefined {
    return this.#options.segments.all.at(-1)?.first;
  }

  /** Ends without a result. If the unfinished file cannot be removed, the next start does it. */
  close(): void {
    this.#isClosed = true;
    try {
      this.#run?.cancel();
    } catch {}
  }
}

/** The compression of one segment. */
class CompressionRun {
  readonly #options: CompressorOptions;
  readonly #segment: SegmentInfo;
  readonly #ended: (isDone: boolean) => void;
  readonly #source: SegmentFile;
  readonly #target: LogFile;
  readonly #blocks: Pick<Block, "bytes" | "plainBytes">[] = [];
  #read = 0;
  #written = 0;
  #isOver = false;

  constructor(options: CompressorOptions, segment: SegmentInfo, ended: (isDone: boolean) => void) {
    this.#options = options;
    this.#segment = segment;
    this.#ended = ended;
    this.#source = openSegment(options.storage, segment.first);
    this.#target = options.storage.create(this.#unfinished, 0);
  }

  get #unfinished(): string {
    return `${compressedName(this.#segment.first)}${unfinishedSuffix}`;
  }

  /** Whether the segment is still part of the log. */
  get #isKept(): boolean {
    return this.#options.segments.all.some(({ first }) => first === this.#segment.first);
  }

  /** Compresses the next block, or finishes the file. */
  step(): void {
    this.#attempt(() => {
      const { end } = this.#segment;
      if (!this.#isKept) return this.#end(false);
      if (this.#read >= end) return this.#finish();
      const plain = this.#source.read(this.#read, Math.min(blockBytes, end - this.#read));
      if (plain.length === 0) return this.#end(false);
      this.#read += plain.length;
      this.#options.compress(plain, (error, compressed) =>
        this.#attempt(() => {
          if (error !== null) return this.#end(false);
          this.#append(compressed);
          this.#blocks.push({ bytes: compressed.length, plainBytes: plain.length });
          this.step();
        }),
      );
    });
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.close();
    this.#target.close();
  }

  /** Stops, and removes the unfinished file. */
  cancel(): void {
    this.stop();
    this.#options.storage.remove(this.#unfinished);
  }

  #append(bytes: Uint8Array): void {
    this.#target.write(this.#written, bytes);
    this.#written += bytes.length;
  }

  #finish(): void {
    this.#append(encodeTable(this.#blocks));
    this.#target.syncLater((error) =>
      this.#attempt(() => {
        if (error !== undefined || !this.#isKept) return this.#end(false);
        this.#replace();
      }),
    );
  }

  /** The name is on disk before the plain file is removed. */
  #replace(): void {
    const { storage, segments } = this.#options;
    const { first } = this.#segment;
    storage.rename(this.#unfinished, compressedName(first));
    storage.syncNames();
    storage.remove(segmentName(first));
    segments.compressed(first, this.#written);
    this.#end(true);
  }

  #end(isDone: boolean): void {
    if (isDone) this.stop();
    else this.cancel();
    // A segment that was removed meanwhile is no failure.
    this.#ended(isDone || !this.#isKept);
  }

  /** An error of the disk leaves the plain segment as it is. */
  #attempt(run: () => void): void {
    if (this.#isOver) return;
    try {
      run();
    } catch {
      this.stop();
      this.#ended(false);
    }
  }
}
