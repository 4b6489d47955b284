/**
 * An append-only log on one storage: one writer, batches that are on disk before anybody relies on
 * them, whole segments that are removed at its beginning. `docs/reference/log-format.md` has the
 * bytes and the rules.
 */
import { randomBytes } from "node:crypto";
import { WsctlError } from "../../protocol/errors.ts";
import type { AppendLog, LogOptions } from "../appendLog.ts";
import { compressorOf, type SegmentCompressor } from "./compressed/compressor.ts";
import { removeDoubles } from "./compressed/removeDoubles.ts";
import { encodeBatch, firstDigest } from "./format.ts";
import { HeadFile } from "./head.ts";
import { storageError } from "./logErrors.ts";
import { recover } from "./recovery.ts";
import type {
  Appended,
  ChainPosition,
  DurableBatch,
  EncodedBatch,
  EntryPlace,
  LogEntry,
  PlacedBatch,
  SegmentInfo,
} from "./segments.ts";
import { deliver } from "./segments.ts";
import { type LogFile, removeSegment, unfinishedSuffix } from "./storage.ts";
import { SyncPolicy } from "./syncPolicy.ts";
import { SegmentSet } from "./written/segmentSet.ts";

export class DurableLog implements AppendLog {
  readonly #options: LogOptions;
  readonly #head: HeadFile;
  readonly logId: Uint8Array;
  readonly #segments: SegmentSet;
  readonly #policy: Pick<SyncPolicy, "isInline" | "measured">;
  readonly #compressor: SegmentCompressor | undefined;
  /** The end of what is proven to be on disk. */
  #durable: ChainPosition;
  /** Ends the wait for the batch that is being synced. */
  #inFlight: { bytes: Uint8Array; settle(error?: unknown): void } | undefined;
  #isClosed = false;
  readonly hasFrom: boolean;
  readonly onDurable: ((batch: DurableBatch) => void)[] = [];
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
    const { storage, owner, segmentBytes, clock, from, copyOf } = options;
    this.#options = options;
    this.#policy = options.policy ?? new SyncPolicy();
    this.#head = new HeadFile(storage);
    const head = this.#head.readExisting();
    removeDoubles(storage);
    const found = recover({
      storage,
      owner,
      head,
      ...(from === undefined ? {} : { from }),
      onBatch: (placed, segment) => deliver(placed, segment, from?.sequence ?? 0, options.onEntry),
    });
    for (const name of storage.list()) if (name.endsWith(unfinishedSuffix)) storage.remove(name);
    this.logId = head?.logId ?? copyOf?.logId ?? randomBytes(16);
    this.#durable = found?.position ?? copyOf?.origin ?? { sequence: 1, digest: firstDigest };
    this.tornBytes = found?.tornBytes ?? 0;
    this.hasFrom = found?.hasFrom ?? (from?.sequence ?? 0) === 0;
    const set = { storage, owner, segmentBytes, logId: this.logId, wall: () => clock.wall() };
    this.#segments = new SegmentSet(set, found?.segments ?? [], this.tornBytes);
    // A log without a head is damaged, so the head comes first.
    if (head === undefined) this.#writeHead(true);
    this.#segments.prepare(this.#durable);
    this.#compressor = compressorOf(storage, this.#segments, options.compress);
    this.#compressor?.wake();
  }

  get sequence(): number {
    return this.#durable.sequence - 1;
  }

  get digest(): Uint8Array {
    return this.#durable.digest;
  }

  get segments(): readonly SegmentInfo[] {
    return this.#segments.all;
  }

  append(
    lines: readonly string[],
    done: (error?: WsctlError) => void,
    isEssential = false,
  ): Appended {
    const { sequence, digest: previous } = this.#durable;
    const batch = encodeBatch(lines, sequence, previous);
    return this.appendBatch({ ...batch, count: lines.length }, done, isEssential);
  }

  /** Does the same with a batch that continues the chain. */
  appendBatch(
    { bytes, digest, count }: EncodedBatch,
    done: (error?: WsctlError) => void,
    isEssential = false,
  ): Appended {
    const startedAt = performance.now();
    const state = this.#isClosed ? "it is closed" : this.#inFlight && "another batch is written";
    if (state !== undefined) throw new WsctlError("INTERNAL", `Cannot append to the log: ${state}`);
    this.reserve(bytes.length, isEssential);
    try {
      const { file, place } = this.#segments.write(bytes, this.#durable);
      const position = { sequence: this.#durable.sequence + count, digest };
      const advance = (syncMs: number) => {
        this.#advance(position, bytes.length);
        const appendMs = performance.now() - startedAt;
        for (const take of this.onDurable) take({ entries: count, appendMs, syncMs });
      };
      return { place, isDurable: this.#sync(file, bytes, advance, done) };
    } catch (error) {
      this.#segments.abandon();
      throw this.#writeError(error);
    }
  }

  /**
   * Makes room for a batch, and returns the place that it will have.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if there is none
   */
  reserve(bytes: number, isEssential: boolean): EntryPlace {
    this.assertInPlace();
    this.#try(() => this.#segments.reserve(bytes, this.#durable, isEssential));
    return this.#segments.placeOf(bytes, this.#durable);
  }

  /**
   * Syncs the batch that is being written on the event loop, and calls its `done`, until no batch is
   * being written: a `done` may append the next one. The sync on the other thread goes on, so this
   * one has an open file of its own (`SegmentSet.rewrite`).
   */
  settle(): void {
    for (let flight = this.#inFlight; flight !== undefined; flight = this.#inFlight) {
      let failure: unknown;
      try {
        this.#segments.rewrite(flight.bytes, this.#durable).sync();
      } catch (error) {
        failure = error;
      }
      flight.settle(failure);
    }
  }

  read(place: EntryPlace): string {
    return this.#segments.read(place);
  }

  scan(after: number, onEntry: (entry: LogEntry) => boolean, from?: EntryPlace): void {
    const onBatch = (placed: PlacedBatch, segment: number) => {
      let isWanted = true;
      deliver(placed, segment, after, (entry) => {
        isWanted &&= onEntry(entry);
      });
      return isWanted;
    };
    this.#segments.scan(after, this.#durable.sequence, onBatch, from);
  }

  roll(): void {
    this.#try(() => this.#segments.roll(this.#durable));
  }

  removeBefore(sequence: number): SegmentInfo[] {
    const { storage } = this.#options;
    const removed = this.#segments.takeBefore(sequence);
    if (removed.length === 0) return removed;
    // The head names the new start first: a start that finds more segments than it names is right.
    this.#writeHead(true);
    for (const { first } of removed) removeSegment(storage, first);
    storage.syncNames();
    return removed;
  }

  assertInPlace(): void {
    this.#segments.assertInPlace();
  }

  /**
   * Checks that the log can be written, after a failure by beginning a new segment.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  probe(): void {
    this.assertInPlace();
    this.#try(() => this.#segments.prepare(this.#durable));
  }

  close(): void {
    if (this.#isClosed) return;
    this.settle();
    this.#isClosed = true;
    this.#compressor?.close();
    this.#head.cancelLater();
    this.#tryWriteHead(true);
    this.#segments.close();
    this.#options.storage.release();
  }

  /** Returns whether everything is on disk. If not, `done` is called later. */
  #sync(
    file: LogFile,
    bytes: Uint8Array,
    advance: (syncMs: number) => void,
    done: (error?: WsctlError) => void,
  ): boolean {
    const startedAt = performance.now();
    const { isInline } = this.#policy;
    const elapsed = () => performance.now() - startedAt;
    const measured = () => this.#policy.measured(elapsed(), isInline);
    if (isInline) {
      file.sync();
      measured();
      advance(elapsed());
      return true;
    }
    const flight = {
      bytes,
      settle: (error?: unknown) => {
        if (this.#inFlight !== flight) return;
        this.#inFlight = undefined;
        if (error === undefined) {
          advance(elapsed());
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
    const isFirst = this.#durable.sequence === 1;
    this.#durable = position;
    this.#segments.advance(position.sequence, bytes);
    this.#compressor?.wake();
    // From now on, a log without segments is one that has lost them.
    if (isFirst) this.#tryWriteHead(true);
    this.#head.later(this.#options.clock, () => this.#tryWriteHead(false));
  }

  #writeHead(isSynced: boolean): void {
    const { sequence, digest } = this.#durable;
    const start = this.segments[0]?.first ?? sequence;
    this.#head.write({ logId: this.logId, start, sequence: sequence - 1, digest }, isSynced);
  }

  /** A head that stays at an earlier entry is right, too. The next batch writes it again. */
  #tryWriteHead(isSynced: boolean): void {
    try {
      this.#writeHead(isSynced);
    } catch {} // A disk that takes nothing any more fails the next batch, whose owner reports it.
  }

  #try(run: () => void): void {
    try {
      run();
    } catch (error) {
      throw this.#writeError(error);
    }
  }

  #writeError = (error: unknown) => storageError("write", this.#options.storage.path, error);
}
