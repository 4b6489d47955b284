/**
 * Records facts: in the log, where they are durable, and then in the index, which every read uses.
 * The index is derived: what it lacks is read from the log again.
 */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { AppendLog } from "../../store/appendLog.ts";
import { DurableLog, type LogOptions } from "../../store/log/durableLog.ts";
import type { SegmentBytes } from "../../store/log/segmentSet.ts";
import type { Appended, EntryPlace } from "../../store/log/segments.ts";
import type { LogStorage } from "../../store/log/storage.ts";
import type { Clock } from "../../time/clock.ts";
import { type ControlEntry, type ControlFact, encodeFact } from "./entries.ts";
import { type UnappliedBatch, UnappliedFacts } from "./index/unapplied.ts";
import { parseFact, Replay, type ReplayOptions } from "./replay.ts";

export interface RecorderOptions extends ReplayOptions {
  storage: LogStorage;
  clock: Pick<Clock, "after" | "wall">;
  segmentBytes?: SegmentBytes;
  policy?: NonNullable<LogOptions["policy"]>;
  /** Opens the log; by default, it is on this disk alone. */
  openLog?(options: LogOptions): AppendLog;
  /** Reports what was wrong with files that are derived or can be made again. */
  onFault?(error: WsctlError): void;
}

const segmentBytesDefault: SegmentBytes = { first: 256 * 1024, max: 32 * 1024 * 1024 };
/** What ends something that has begun, for which space is kept. */
const essential: ReadonlySet<ControlFact["type"]> = new Set(["request_ended", "job_cancelled"]);
/** The index takes this many times the bytes of the entries, and no less than this in all. */
const indexShare = 4;
const spaceBytesMin = 64 * 1024;
/** The index has a fact at most this much later than the log, in milliseconds. */
const applyDelayMs = 25;
/** More facts than this are written into the index at once. */
const unappliedMax = 500;

export class Recorder {
  readonly log: AppendLog;
  readonly #options: RecorderOptions;
  readonly #unapplied = new UnappliedFacts();
  #cancelApply: (() => void) | undefined;
  /** The last write of the index failed. Nothing is recorded before it has what is missing. */
  #isIndexBehind = false;

  /** @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log */
  constructor(options: RecorderOptions) {
    const { storage, clock, index, segmentBytes = segmentBytesDefault, policy } = options;
    this.#options = options;
    const replay = new Replay(options);
    const { openLog = DurableLog.open } = options;
    this.log = openLog({
      ...{ storage, owner: "controlPlane", segmentBytes, clock },
      from: index.applied,
      onEntry: (entry) => replay.add(entry.line, entry),
      ...(policy === undefined ? {} : { policy }),
    });
    if (!this.log.hasFrom) {
      this.log.close();
      throw new IndexMismatch();
    }
    replay.finish(this.log.digest);
  }

  /**
   * Records facts and returns when they are durable. They are in the index, too, or a read of what
   * they are about fails until they are.
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
    this.tryApply();
    return place.sequence;
  }

  /**
   * Records facts. If the disk is slow, `done` is called later. The index has them a moment later:
   * see `applyFor`.
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
    this.#applySoon({ facts, place });
  }

  /** How many facts the index lacks. */
  get unappliedCount(): number {
    return this.#unapplied.factCount;
  }

  /** Writes the rest into the index, and closes the log. */
  close(): void {
    this.log.settle();
    this.tryApply();
    this.log.close();
  }

  /** Checks that the log is still there and that the index has it. */
  assertInPlace(): void {
    this.log.assertInPlace();
    if (this.#isIndexBehind) this.apply();
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
    this.apply();
  }

  /** The entries after a sequence, until `onEntry` returns false. */
  scan(after: number, onEntry: (sequence: number, entry: ControlEntry) => boolean): void {
    this.log.scan(after, ({ sequence, line }) => onEntry(sequence, parseFact(line, sequence)));
  }

  #append(facts: readonly ControlFact[], done: (error?: unknown) => void): Appended {
    if (this.#isIndexBehind) this.apply();
    const wall = this.#options.clock.wall();
    const lines = facts.map((fact) => encodeFact(fact, wall));
    const isEssential = facts.every(({ type }) => essential.has(type));
    if (!isEssential) this.#assertSpace(lines);
    const appended = this.log.append(
      lines,
      (error) => {
        if (error === undefined) this.#applySoon({ facts, place: appended.place });
        done(error);
      },
      isEssential,
    );
    if (appended.isDurable) this.#applySoon({ facts, place: appended.place });
    return appended;
  }

  #applySoon(batch: UnappliedBatch): void {
    this.#unapplied.add(batch);
    if (this.#unapplied.factCount >= unappliedMax) return this.tryApply();
    this.#cancelApply ??= this.#options.clock.after(applyDelayMs, () => this.tryApply());
  }

  /** Whether a request is open, if the index does not have that yet. */
  isOpen(requestId: string): boolean | undefined {
    return this.#unapplied.isOpen(requestId);
  }

  /**
   * Writes what is missing in the index about a job or a request.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the index cannot be written
   */
  applyFor(id: string): void {
    if (this.#unapplied.isAbout(id)) this.apply();
  }

  /** Does the same for an idempotency key. @throws {WsctlError} STORAGE_UNAVAILABLE */
  applyForKey(key: string): void {
    if (this.#unapplied.hasKey(key)) this.apply();
  }

  /**
   * Makes a list of jobs possible. It lacks none, but may show one as open that has just ended.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if a job is missing in the index
   */
  applyForList(): void {
    if (this.#unapplied.hasNewJob) this.apply();
    else this.tryApply();
  }

  /** Writes what is missing about anything else. @throws {WsctlError} STORAGE_UNAVAILABLE */
  applyTables(): void {
    if (this.#unapplied.isAboutTables) this.apply();
  }

  /**
   * Writes into the index what is missing there.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the index cannot be written
   */
  apply(): void {
    this.#cancelApply?.();
    this.#cancelApply = undefined;
    const { batches } = this.#unapplied;
    if (batches.length === 0) return;
    const { db, index } = this.#options;
    try {
      db.transaction(() => {
        index.applyAll(batches);
        index.setApplied(this.log.sequence, this.log.digest);
      });
    } catch (error) {
      this.#isIndexBehind = true;
      throw indexError(error);
    }
    this.#unapplied.clear();
    this.#isIndexBehind = false;
  }

  /**
   * Writes into the index what is missing there, if it can be written: the facts are durable, and
   * what was accepted stays accepted. Until the index has them, nothing else is recorded.
   */
  tryApply(): void {
    const wasBehind = this.#isIndexBehind;
    try {
      this.apply();
    } catch (error) {
      if (!wasBehind) this.#options.onFault?.(error as WsctlError);
    }
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

export function indexError(error: unknown): WsctlError {
  const text = `Cannot write the index of the log: ${errorText(error)}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}
