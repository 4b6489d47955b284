/**
 * What a log needs of a disk, and the names of its files there. `fileStorage.ts` implements it with files; the simulator and the
 * tests implement it with faults: lost writes, torn writes, flipped bits, full and slow disks.
 */
export interface LogStorage {
  /** The names in the directory, in any order. An absent directory has none. */
  list(): string[];
  open(name: string): LogFile;
  /** Creates a file of this size, filled with zeros, whose space is allocated. */
  create(name: string, bytes: number): LogFile;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** Returns when the names in the directory are on disk. */
  syncNames(): void;
  /** Throws if the directory is no longer the one that was opened. */
  assertInPlace(): void;
  /** The free space of the disk, for this user. */
  readonly freeBytes: number;
  /** Lets another process use the directory. */
  release(): void;
  /** The directory, for error messages. */
  readonly path: string;
}

/** All methods throw the error of the operating system. */
export interface LogFile {
  /** The size in bytes; 0 if the file was removed, so that what is written to it is lost. */
  size(): number;
  /** Returns fewer bytes only at the end of the file. */
  read(offset: number, bytes: number): Uint8Array;
  write(offset: number, bytes: Uint8Array): void;
  /** Gives the space after this size back. It may be there again after a crash. */
  truncate(bytes: number): void;
  /** Returns when everything that was written is on disk (fdatasync(2)). */
  sync(): void;
  /** Does the same on another thread. `done` is called once, later. */
  syncLater(done: (error?: Error) => void): void;
  /** A sync that runs on another thread ends first. */
  close(): void;
}

export const headName = "head";

/** The suffix of a file that is not yet part of the log, which a start removes. */
export const unfinishedSuffix = ".new";

/** The suffix of a segment that is compressed. */
export const compressedSuffix = ".zst";

const nameDigits = 16;

/** Returns the name of the segment that begins with a sequence. */
export function segmentName(first: number): string {
  return `${String(first).padStart(nameDigits, "0")}.log`;
}

/** Returns the name of the same segment when it is compressed. */
export function compressedName(first: number): string {
  return `${segmentName(first)}${compressedSuffix}`;
}

/** Removes the files of a segment. */
export function removeSegment(storage: LogStorage, first: number): void {
  for (const name of [segmentName(first), compressedName(first)]) storage.remove(name);
}

/** Returns the name under which a segment is there. */
export function fileName(storage: Pick<LogStorage, "list">, first: number): string {
  const compressed = compressedName(first);
  const names = storage.list();
  const isPlain = names.includes(segmentName(first)) || !names.includes(compressed);
  return isPlain ? segmentName(first) : compressed;
}

/** Returns the first sequences of all segments, ascending. */
export function segmentsIn(storage: LogStorage): number[] {
  const found = new Set<number>();
  for (const name of storage.list()) {
    const [, digits] = /^(\d{16})\.log(?:\.zst)?$/.exec(name) ?? [];
    if (digits !== undefined) found.add(Number(digits));
  }
  return [...found].sort((a, b) => a - b);
}
