/** What the users of a log need of it. A log on a disk and a replicated log implement it. */
import type { WsctlError } from "../protocol/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { CompressBlock } from "./log/compressed/blocks.ts";
import type { LogOwner } from "./log/format.ts";
import type {
  Appended,
  ChainEnd,
  ChainPosition,
  DurableBatch,
  EntryPlace,
  LogEntry,
  SegmentBytes,
  SegmentInfo,
} from "./log/segments.ts";
import type { LogStorage } from "./log/storage.ts";
import type { SyncPolicy } from "./log/syncPolicy.ts";

export interface AppendLog {
  /** 16 random bytes in all files of this log. */
  readonly logId: Uint8Array;
  /** The sequence of the last entry that is durable; 0 if there is none. */
  readonly sequence: number;
  /** The digest of the batch that ends with `sequence`. */
  readonly digest: Uint8Array;
  /** The files on this host, oldest first. */
  readonly segments: readonly SegmentInfo[];
  /** Whether the log has the entry that it was opened from. */
  readonly hasFrom: boolean;
  /** The bytes of a torn tail that were removed when the log was opened. */
  readonly tornBytes: number;
  /** Each takes every batch that is durable. */
  readonly onDurable: ((batch: DurableBatch) => void)[];
  /**
   * Appends entries as one batch. Until it is durable, nothing else can be appended.
   *
   * @param lines one JSON text for each entry, without a line end
   * @param done called once unless the batch is durable at the return: when it is, or with the
   *   error that this method throws otherwise
   * @param isEssential whether the batch may use the space that is kept for what has begun
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the entries are not in the log
   */
  append(
    lines: readonly string[],
    done: (error?: WsctlError) => void,
    isEssential?: boolean,
  ): Appended;
  /** Waits until no batch is being made durable: a `done` may append the next one. */
  settle(): void;
  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry does not verify */
  read(place: EntryPlace): string;
  /**
   * Reads the entries after a sequence, in order, until `onEntry` returns false.
   *
   * @param from the place of an entry that is not after `after`, to read nothing before it
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the log does not verify there
   */
  scan(after: number, onEntry: (entry: LogEntry) => boolean, from?: EntryPlace): void;
  /** Begins a new segment. @throws {WsctlError} STORAGE_UNAVAILABLE */
  roll(): void;
  /** Removes the segments that end before a sequence. The one that is written stays. */
  removeBefore(sequence: number): SegmentInfo[];
  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the directory or the written file is not there */
  assertInPlace(): void;
  /** Checks that the log can be written. @throws {WsctlError} STORAGE_UNAVAILABLE */
  probe(): void;
  /** Waits for what is being written, and closes all files. */
  close(): void;
}

/** How a log is opened. */
export interface LogOptions {
  storage: LogStorage;
  owner: LogOwner;
  segmentBytes: SegmentBytes;
  clock: Pick<Clock, "after" | "wall">;
  /** Decides where syncs run; by default, their duration does. */
  policy?: Pick<SyncPolicy, "isInline" | "measured">;
  /** The last entry that the caller has, and its digest; the entries before it are not read. */
  from?: ChainEnd;
  /** A log that another one is copied into: its id, and where it begins. */
  copyOf?: { logId: Uint8Array; origin: ChainPosition };
  /** Compresses closed segments; without it, they stay as they are. */
  compress?: CompressBlock | undefined;
  /** Takes every entry after `from`, in order, while the log is opened. */
  onEntry(entry: LogEntry): void;
}
