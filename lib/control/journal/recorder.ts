/**
 * Records facts: in the log, where they are durable, and then in the index, which every read uses.
 * The index is derived: what it lacks is read from the log again.
 */
import { errorText, type WsctlError } from "../../protocol/errors.ts";
import type { AppendLog, LogOptions } from "../../store/appendLog.ts";
import { compressBlock } from "../../store/log/compressed/blocks.ts";
import { DurableLog } from "../../store/log/durableLog.ts";
import type { Appended, EntryPlace, SegmentBytes } from "../../store/log/segments.ts";
import type { LogStorage } from "../../store/log/storage.ts";
import type { Clock } from "../../time/clock.ts";
import { type ControlEntry, type ControlFact, encodeFact, parseFact } from "./entries.ts";
import { IndexFeed, indexError } from "./feed/indexFeed.ts";
import type { JournalIndex } from "./feed/journalIndex.ts";
import { Replay } from "./rebuild/replay.ts";

export interface RecorderOptions {
  storage: LogStorage;
  index: JournalIndex;
  clock: Pick<Clock, "after" | "wall">;
  segmentBytes?: SegmentBytes;
  policy?: NonNullable<LogOptions["policy"]>;
  /** Opens the log; by default, it is on this disk alone. */
  openLog?(options: LogOptions): AppendLog;
  /** Takes the entries that the index lacks; by default, the index gets them all. */
  replay?: Pick<Replay, "add" | "finish">;
  /** Reports how many entries were read into the index so far. */
  onProgress?(entries: number): void;
  /** Reports what was wrong with files that are derived or can be made again. */
  onFault?(error: WsctlError): void;
}

const segmentBytesDefault: SegmentBytes = { first: 256 * 1024, max: 32 * 1024 * 1024 };
/** What ends something that has begun, for which space is kept. */
const essential: ReadonlySet<ControlFact["type"]> = new Set(["request_ended", "job_cancelled"]);
/** The index takes this many times the bytes of the entries, and no less than this in all. */
const indexShare = 4;
const spaceBytesMin = 64 * 1024;

export class Recorder {
  readonly log: AppendLog;
  readonly feed: IndexFeed;
  readonly #options: RecorderOptions;

  /** @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log */
  constructor(options: RecorderOptions) {
    const { storage, clock, index, segmentBytes = segmentBytesDefault, policy } = options;
    this.#options = options;
    const { replay = new Replay(index, options.onProgress) } = options;
    const { openLog = DurableLog.open } = options;
    this.log = openLog({
      ...{ storage, owner: "controlPlane", segmentBytes, clock, compress: compressBlock },
      from: index.applied,
      onEntry: (entry) => replay.add(entry.line, entry),
      ...(policy === undefined ? {} : { policy }),
    });
    if (!this.log.hasFrom) {
      this.log.close();
      throw new IndexMismatch();
    }
    replay.finish(this.log.digest, this.log.sequence);
    const { onFault } = options;
    const head = () => ({ sequence: this.log.sequence, digest: this.log.digest });
    this.feed = new IndexFeed({
      index,
      clock,
      head,
      ...(onFault === undefined ? {} : { onFault }),
    });
  }

  /**
   * Records facts and returns when they are durable. A read of what they are about waits until they
   * are in the index, too.
   *
   * @returns the sequence of the first one
   * @throws {WsctlError} STORAGE_UNAVAILABLE if nothing was recorded
   */
  record(...facts: ControlFact[]): number {
    let failure: unknown;
    this.log.settle();
    const place = this.#append(facts, (error) => {
      failure = error;
    }).place;
    this.log.settle();
    if (failure !== undefined) throw failure;
    return place.sequence;
  }

  /**
   * Records facts. If the disk is slow, `done` is called later. The index has them a moment later:
   * see `IndexFeed`.
   *
   * @returns the sequence of the first one, and whether it is durable
   * @throws {WsctlError} STORAGE_UNAVAILABLE if nothing was recorded
   */
  commit(
    facts: readonly ControlFact[],
    done: (error?: unknown) => void,
  ): { first: number; isDurable: boolean } {
    const { place, isDurable } = this.#append(facts, done);
    return { first: place.sequence, isDurable };
  }

  /** Has the index take entries that were added to the log by another way than this one. */
  applyAppended(lines: readonly string[], place: EntryPlace): void {
    const facts = lines.map((line, at) => parseFact(line, place.sequence + at));
    this.feed.add({ facts, lines, place });
  }

  /** Writes the rest into the index, and closes the log. */
  close(): void {
    this.log.settle();
    this.feed.tryApply();
    this.log.close();
  }

  /** Checks that the log is still there and that the index has it. */
  assertInPlace(): void {
    this.log.assertInPlace();
    this.feed.retry();
  }

  /** Why nothing new can be recorded; undefined if it can. */
  fault(): string | undefined {
    try {
      this.#assertSpace([]);
    } catch (error) {
      return errorText(error);
    }
  }

  /** Checks that facts can be recorded, and brings the index up to date. */
  probe(): void {
    this.#assertSpace([]);
    this.log.probe();
    this.feed.apply();
  }

  /** The entries after a sequence, until `onEntry` returns false. */
  scan(after: number, onEntry: (sequence: number, entry: ControlEntry) => boolean): void {
    this.log.scan(after, ({ sequence, line }) => onEntry(sequence, parseFact(line, sequence)));
  }

  #append(facts: readonly ControlFact[], done: (error?: unknown) => void): Appended {
    this.feed.retry();
    const wall = this.#options.clock.wall();
    const lines = facts.map((fact) => encodeFact(fact, wall));
    const isEssential = facts.every(({ type }) => essential.has(type));
    if (!isEssential) this.#assertSpace(lines);
    const appended = this.log.append(
      lines,
      (error) => {
        if (error === undefined) this.feed.add({ facts, lines, place: appended.place });
        done(error);
      },
      isEssential,
    );
    if (appended.isDurable) this.feed.add({ facts, lines, place: appended.place });
    return appended;
  }

  /** The index grows with the log, and must not be what finds the disk full. */
  #assertSpace(lines: readonly string[]): void {
    this.log.assertInPlace();
    const bytes = lines.reduce((sum, line) => sum + line.length, spaceBytesMin);
    const { freeBytes } = this.#options.storage;
    if (freeBytes >= bytes * indexShare) return;
    throw indexError(new Error("the disk is full. Free some space"));
  }
}

/** The index is not one of this log, so it must be rebuilt. */
class IndexMismatch extends Error {}
