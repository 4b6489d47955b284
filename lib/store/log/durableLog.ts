/**
 * An append-only log on one storage: one writer, batches that are on disk before anybody relies on
 * them, whole segments that are removed at its beginning. `docs/reference/log-format.md` has the
 * bytes and the rules.
 */
import { randomBytes } from "node:crypto";
import { WsctlError } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { encodeBatch, firstDigest, type LogOwner, linesOf } from "./format.ts";
import { HeadFile, type LogHead } from "./head.ts";
import { headDamaged, storageError } from "./logErrors.ts";
import { segmentName, unfinishedSuffix } from "./names.ts";
import { recover } from "./recovery.ts";
import { type EntryPlace, type SegmentInfo, SegmentSet } from "./segmentSet.ts";
import type { ChainPosition } from "./segments.ts";
import type { LogFile, LogStorage } from "./storage.ts";
import { SyncPolicy } from "./syncPolicy.ts";

export interface LogOptions {
  storage: LogStorage;
  owner: LogOwner;
  /** The size of a segment; a larger batch gets a segment of its own size. */
  segmentBytes: number;
  clock: Pick<Clock, "after" | "wall">;
  /** Decides where syncs run; by default, their duration decides. */
  policy?: Pick<SyncPolicy, "averageMs" | "isInline" | "measured">;
  /** Takes every entry that the log has, in order, while the log is opened. */
  onEntry(entry: LogEntry): void;
}

export interface LogEntry extends EntryPlace {
  /** The JSON text of the entry. */
  line: string;
}

/** A batch that was appended. */
export interface Appended {
  /** The place of the first entry; the others have the sequences that follow. */
  place: EntryPlace;
  /** Whether the batch is on disk. If not, `done` is called later. */
  isDurable: boolean;
}

/** The head is written this long after a batch, in milliseconds. */
const headDelayMs = 1_000;

export class DurableLog {
  readonly #options: LogOptions;
  readonly #head: HeadFile;
  readonly #logId: Uint8Array;
  readonly #segments: SegmentSet;
  readonly #policy: Pick<SyncPolicy, "averageMs" | "isInline" | "measured">;
  /** The end of what is proven to be on disk. */
  #durable: ChainPosition;
  /** Ends the wait for the batch that is being synced. */
  #inFlight: { file: LogFile; settle(error?: unknown): void } | undefined;
  #cancelHead: (() => void) | undefined;
  #isClosed = false;
  /** The number of bytes of a torn tail that were removed when the log was opened. */
  readonly tornBytes: number;

  /**
   * Opens a log, or creates it.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE with the file, the offset and what can be done
   */
  static open(options: LogOptions): DurableLog {
    try {
      return new DurableLog(options);
    } catch (error) {
      options.storage.release();
      throw storageError("open", options.storage.path, error);
    }
  }

  private constructor(options: LogOptions) {
    const { storage, owner, segmentBytes, clock, onEntry } = options;
    this.#options = options;
    this.#policy = options.policy ?? new SyncPolicy();
    this.#head = new HeadFile(storage);
    const head = readHead(storage, this.#head);
    const found = recover({
      storage,
      owner,
      head,
      onBatch: ({ batch, offset }, segment) => {
        let sequence = batch.first;
        for (const line of linesOf(batch)) onEntry({ sequence: sequence++, segment, offset, line });
      },
    });
    for (const name of storage.list()) if (name.endsWith(unfinishedSuffix)) storage.remove(name);
    this.#logId = head?.logId ?? randomBytes(16);
    this.#durable = found?.position ?? { sequence: 1, digest: firstDigest };
    this.tornBytes = found?.tornBytes ?? 0;
    const set = { storage, owner, segmentBytes, logId: this.#logId, wall: () => clock.wall() };
    this.#segments = new SegmentSet(set, found?.segments ?? [], this.tornBytes);
    // A log without a head is damaged, so the head comes first.
    if (head === undefined) this.#writeHead(true);
    this.#segments.prepare(this.#durable);
  }

  /** The sequence of the last entry that is on disk; 0 if there is none. */
  get sequence(): number {
    return this.#durable.sequence - 1;
  }

  /** The digest of the batch that ends with `sequence`. */
  get digest(): Uint8Array {
    return this.#durable.digest;
  }

  /** All segments, oldest first. */
  get segments(): readonly SegmentInfo[] {
    return this.#segments.all;
  }

  /** The average time of a sync in milliseconds, and whether syncs run on the event loop. */
  get syncs(): { averageMs: number; isInline: boolean } {
    return { averageMs: this.#policy.averageMs, isInline: this.#policy.isInline };
  }

  /**
   * Appends entries as one batch. Until it is on disk, nothing else can be appended.
   *
   * @param lines one JSON text for each entry, without a line end
   * @param done called once if the disk is slow: when the batch is on disk, or with the error that
   *   this method throws otherwise
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the entries are not in the log
   */
  append(lines: readonly string[], done: (error?: WsctlError) => void): Appended {
    if (this.#isClosed || this.#inFlight !== undefined || lines.length === 0) {
      const state = this.#isClosed ? "it is closed" : "another batch is being written";
      throw new WsctlError("INTERNAL", `Cannot append to the log: ${state}`);
    }
    try {
      this.#options.storage.assertInPlace();
      const { sequence, digest: previous } = this.#durable;
      const { bytes, digest } = encodeBatch(lines, sequence, previous);
      const { file, place } = this.#segments.write(bytes, this.#durable);
      const position = { sequence: sequence + lines.length, digest };
      const advance = () => this.#advance(position, bytes.length);
      return { place, isDurable: this.#sync(file, advance, done) };
    } catch (error) {
      this.#segments.abandon();
      throw this.#writeError(error);
    }
  }

  /** Syncs the batch that is being written on the event loop, and calls its `done`. */
  settle(): void {
    const flight = this.#inFlight;
    if (flight === undefined) return;
    let failure: unknown;
    try {
      flight.file.sync();
    } catch (error) {
      failure = error;
    }
    flight.settle(failure);
  }

  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry does not verify */
  read(place: EntryPlace): string {
    return this.#segments.read(place);
  }

  /**
   * Begins a new segment, so that the entries up to now can be removed together.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  roll(): void {
    try {
      this.#segments.roll(this.#durable);
    } catch (error) {
      throw this.#writeError(error);
    }
  }

  /** Removes the segments that end before a sequence. The one that is written stays. */
  removeBefore(sequence: number): SegmentInfo[] {
    const { storage } = this.#options;
    const removed = this.#segments.takeBefore(sequence);
    if (removed.length === 0) return removed;
    // The head names the new start first: a start that finds more segments than it names is right.
    this.#writeHead(true);
    for (const { first } of removed) storage.remove(segmentName(first));
    storage.syncNames();
    return removed;
  }

  /**
   * Checks that the log can be written, after a failure by beginning a new segment.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  probe(): void {
    try {
      this.#options.storage.assertInPlace();
      this.#segments.prepare(this.#durable);
    } catch (error) {
      throw this.#writeError(error);
    }
  }

  /** Waits for what is being written, and closes all files. */
  close(): void {
    if (this.#isClosed) return;
    this.settle();
    this.#isClosed = true;
    this.#cancelHead?.();
    this.#tryWriteHead(true);
    this.#segments.close();
    this.#options.storage.release();
  }

  /** Returns whether everything is on disk. If not, `done` is called later. */
  #sync(file: LogFile, advance: () => void, done: (error?: WsctlError) => void): boolean {
    const startedAt = performance.now();
    const { isInline } = this.#policy;
    const measured = () => this.#policy.measured(performance.now() - startedAt, isInline);
    if (isInline) {
      file.sync();
      measured();
      advance();
      return true;
    }
    const flight = {
      file,
      settle: (error?: unknown) => {
        if (this.#inFlight !== flight) return;
        this.#inFlight = undefined;
        if (error === undefined) {
          advance();
          return done();
        }
        this.#segments.abandon();
        done(this.#writeError(error));
      },
    };
    this.#inFlight = flight;
    file.syncLater((error) => {
      measured();
      flight.settle(error);
    });
    return false;
  }

  #advance(position: ChainPosition, bytes: number): void {
    this.#durable = position;
    this.#segments.advance(position.sequence, bytes);
    this.#cancelHead ??= this.#options.clock.after(headDelayMs, () => {
      this.#cancelHead = undefined;
      this.#tryWriteHead(false);
    });
  }

  #writeHead(isSynced: boolean): void {
    const { sequence, digest } = this.#durable;
    const start = this.segments[0]?.first ?? sequence;
    this.#head.write({ logId: this.#logId, start, sequence: sequence - 1, digest }, isSynced);
  }

  /** A head that stays at an earlier entry is right, too. The next batch writes it again. */
  #tryWriteHead(isSynced: boolean): void {
    try {
      this.#writeHead(isSynced);
    } catch {
      // A disk that takes nothing any more fails the next batch, whose owner reports it.
    }
  }

  #writeError(error: unknown): WsctlError {
    return storageError("write", this.#options.storage.path, error);
  }
}

/** @throws {WsctlError} STORAGE_UNAVAILABLE if the head is damaged, or missing beside segments */
function readHead(storage: LogStorage, file: HeadFile): LogHead | undefined {
  const head = file.read();
  if (head !== undefined) return head;
  const reason = file.isPresent ? "it does not verify" : "it is missing";
  const hasSegments = storage.list().some((name) => name.endsWith(".log"));
  if (file.isPresent || hasSegments) throw headDamaged(storage.path, reason);
  return undefined;
}
