/**
 * The head of a log, in a small file of its own: how far the log was on disk. It is written a
 * little after the log, so that a start can tell a torn tail, on which nothing relied, from entries
 * that were on disk and are missing now. It has two slots. The one that is on disk for certain
 * stays as it is until the other one is: so a failed write or a crash leaves it.
 */
import type { Clock } from "../../time/clock.ts";
import { crc32c } from "./crc32c.ts";
import { digestBytes, readUint32, readUint64, writeUint32, writeUint64 } from "./format.ts";
import { headDamaged } from "./logErrors.ts";
import {
  headName,
  type LogFile,
  type LogStorage,
  segmentsIn,
  unfinishedSuffix,
} from "./storage.ts";

const slotBytes = 512;
const magic = Buffer.from("wsctlHED", "latin1");

export interface LogHead {
  /** 16 random bytes that all files of one log share. */
  logId: Uint8Array;
  /** The sequence of the first entry that the log still has. */
  start: number;
  /** The sequence and the digest of the last entry that was on disk; 0 if there was none. */
  sequence: number;
  digest: Uint8Array;
}

const laterMs = 1_000;

export class HeadFile {
  readonly #storage: LogStorage;
  #cancelLater: (() => void) | undefined;
  /** The number of the last write; 0 before the first one. The slot with the higher one counts. */
  #turn = 0;
  /** The slot that is on disk for certain; undefined before the first write. */
  #safe: number | undefined;
  /** What a process before this one wrote last, which may not be on disk. */
  #found: { slot: number; bytes: Uint8Array } | undefined;

  constructor(storage: LogStorage) {
    this.#storage = storage;
  }

  get isPresent(): boolean {
    return this.#storage.list().includes(headName);
  }

  /** Returns the newest intact head; undefined if there is none. */
  read(): LogHead | undefined {
    if (!this.isPresent) return undefined;
    const file = this.#storage.open(headName);
    try {
      const slots = [0, 1].flatMap((slot) => {
        const bytes = file.read(slot * slotBytes, slotBytes);
        const content = decode(bytes);
        return content === undefined ? [] : { ...content, slot, bytes: Uint8Array.from(bytes) };
      });
      const [newest] = slots.sort((a, b) => b.turn - a.turn);
      this.#turn = newest?.turn ?? 0;
      this.#found = newest;
      return newest?.head;
    } finally {
      file.close();
    }
  }

  /**
   * Returns the head, or undefined if there is no log.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE if the head is damaged, or missing beside segments
   */
  readExisting(): LogHead | undefined {
    const head = this.read();
    if (head !== undefined) return head;
    const { path } = this.#storage;
    if (this.isPresent) throw headDamaged(path, "it does not verify");
    if (segmentsIn(this.#storage).length > 0) throw headDamaged(path, "it is missing");
    return undefined;
  }

  /** @param isSynced whether to return only when the head is on disk */
  write(head: LogHead, isSynced: boolean): void {
    const storage = this.#storage;
    const isNew = !this.isPresent;
    const unfinished = `${headName}${unfinishedSuffix}`;
    const file = isNew ? storage.create(unfinished, 2 * slotBytes) : storage.open(headName);
    try {
      // The same bytes: a write that fails in the middle changes nothing.
      if (this.#found !== undefined) this.#writeSafe(file, this.#found.slot, this.#found.bytes);
      this.#found = undefined;
      const slot = this.#safe === 0 ? 1 : 0;
      const bytes = encode(head, ++this.#turn);
      if (isSynced || isNew) this.#writeSafe(file, slot, bytes);
      else file.write(slot * slotBytes, bytes);
    } finally {
      file.close();
    }
    if (!isNew) return;
    storage.rename(unfinished, headName);
    storage.syncNames();
  }

  #writeSafe(file: LogFile, slot: number, bytes: Uint8Array): void {
    file.write(slot * slotBytes, bytes);
    file.sync();
    this.#safe = slot;
  }

  /** Calls `write` a little later, once for all calls in the meantime. */
  later(clock: Pick<Clock, "after">, write: () => void): void {
    this.#cancelLater ??= clock.after(laterMs, () => {
      this.#cancelLater = undefined;
      write();
    });
  }

  cancelLater(): void {
    this.#cancelLater?.();
  }
}

/** Returns the content of a head file that was written once. */
export function encodeHeadFile(head: LogHead): Uint8Array {
  const bytes = new Uint8Array(2 * slotBytes);
  bytes.set(encode(head, 1), slotBytes);
  return bytes;
}

function encode(head: LogHead, turn: number): Uint8Array {
  const bytes = Buffer.alloc(slotBytes);
  magic.copy(bytes);
  writeUint64(bytes, turn, 8);
  bytes.set(head.logId, 16);
  writeUint64(bytes, head.start, 32);
  writeUint64(bytes, head.sequence, 40);
  bytes.set(head.digest, 48);
  writeUint32(bytes, crc32c(bytes, 0, slotBytes - 4), slotBytes - 4);
  return bytes;
}

function decode(bytes: Uint8Array): { turn: number; head: LogHead } | undefined {
  if (bytes.length < slotBytes || magic.some((byte, at) => bytes[at] !== byte)) return undefined;
  if (readUint32(bytes, slotBytes - 4) !== crc32c(bytes, 0, slotBytes - 4)) return undefined;
  const head = {
    logId: new Uint8Array(bytes.subarray(16, 32)),
    start: readUint64(bytes, 32),
    sequence: readUint64(bytes, 40),
    digest: new Uint8Array(bytes.subarray(48, 48 + digestBytes)),
  };
  return { turn: readUint64(bytes, 8), head };
}
