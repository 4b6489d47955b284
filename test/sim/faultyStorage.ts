/**
 * A log's storage in memory, with a disk's faults on real bytes: writes that were not synced are
 * lost or torn, syncs fail and drop what they had to write, the disk is full, and the machine stops
 * between any two calls.
 */
import type { LogFile, LogStorage } from "../../lib/store/log/storage.ts";
import { type Inode, inodeOf, ownBytes, survivorOf, writeTo } from "./inode.ts";

/** Thrown by every call after the machine has stopped. */
export class MachineStopped extends Error {}

type NameChange = { name: string; inode: Inode | undefined };

export interface FaultPlan {
  /** The machine stops at this call, counted from 1. */
  stopAt?: number;
  /** This call fails with an error of the operating system. */
  failAt?: number;
}

export class FaultyStorage implements LogStorage {
  readonly path = "/log";
  /** The number of calls that change something. */
  calls = 0;
  /** The disk takes nothing more. */
  isFull = false;
  /** The disk takes no new files, and what is allocated can be written. */
  takesNoFiles = false;
  /** Syncs that run later wait here until `finishSyncs`. */
  readonly #later: (() => void)[] = [];
  #plan: FaultPlan;
  #isStopped = false;
  #stopsAtSync = false;
  #names = new Map<string, Inode>();
  #diskNames = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];

  constructor(plan: FaultPlan = {}) {
    this.#plan = plan;
  }

  /** Whether the machine has stopped. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  list(): string[] {
    this.#assertRunning();
    return [...this.#names.keys()];
  }

  open(name: string): LogFile {
    this.#assertRunning();
    const inode = this.#names.get(name);
    if (inode === undefined) throw new Error(`ENOENT: no such file "${name}"`);
    return this.#file(inode);
  }

  create(name: string, bytes: number): LogFile {
    this.#changing();
    if (this.isFull || this.takesNoFiles) throw new Error("ENOSPC: no space left on device");
    const inode = inodeOf(Buffer.alloc(bytes), bytes);
    this.#setName(name, inode);
    return this.#file(inode);
  }

  rename(from: string, to: string): void {
    this.#changing();
    const inode = this.#names.get(from);
    if (inode === undefined) throw new Error(`ENOENT: no such file "${from}"`);
    this.#setName(to, inode);
    this.#setName(from, undefined);
  }

  remove(name: string): void {
    this.#changing();
    if (this.#names.has(name)) this.#setName(name, undefined);
  }

  syncNames(): void {
    this.#changing();
    this.#diskNames = new Map(this.#names);
    this.#nameChanges = [];
  }

  get freeBytes(): number {
    return this.isFull ? 0 : Number.POSITIVE_INFINITY;
  }

  assertInPlace(): void {
    this.#assertRunning();
  }

  release(): void {}

  /** The call fails that is the nth from now of those that change something. */
  failAfter(calls: number): void {
    this.#plan = { ...this.#plan, failAt: this.calls + calls };
  }

  /** The machine stops at the nth call from now that changes something. */
  stopAfter(calls: number): void {
    this.#plan = { ...this.#plan, stopAt: this.calls + calls };
  }

  /** What was to come does not come. */
  cease(): void {
    this.#plan = {};
    this.#stopsAtSync = false;
  }

  /** The machine stops at the next sync, when its batch is written and not on disk. */
  stopAtSync(): void {
    this.#stopsAtSync = true;
  }

  /** Ends the syncs that run on another thread. */
  finishSyncs(): void {
    for (const finish of this.#later.splice(0)) finish();
  }

  /**
   * What the next start finds after the power failed: of what was not synced, any part may be on
   * the disk.
   *
   * @param random returns a number from 0 up to 1
   */
  afterPowerFailure(random: () => number, plan: FaultPlan = {}): FaultyStorage {
    const next = new FaultyStorage(plan);
    const names = new Map(this.#diskNames);
    const kept = Math.floor(random() * (this.#nameChanges.length + 1));
    for (const { name, inode } of this.#nameChanges.slice(0, kept)) setIn(names, name, inode);
    const copies = new Map<Inode, Inode>();
    for (const [name, inode] of names) {
      const copy = copies.get(inode) ?? survivorOf(inode, random);
      copies.set(inode, copy);
      next.#names.set(name, copy);
    }
    next.#diskNames = new Map(next.#names);
    return next;
  }

  /** What the next start finds after the process was killed: everything that it wrote. */
  afterKill(plan: FaultPlan = {}): FaultyStorage {
    const next = new FaultyStorage(plan);
    for (const [name, inode] of this.#names) {
      inode.isShared = true;
      next.#names.set(name, inodeOf(inode.cache, inode.cache));
    }
    next.#diskNames = new Map(next.#names);
    return next;
  }

  /** The bytes of a file, which the caller may change. */
  bytesOf(name: string): Uint8Array {
    const inode = this.#names.get(name);
    if (inode === undefined) throw new Error(`there is no file "${name}"`);
    const { buffer, byteOffset, length } = ownBytes(inode);
    return new Uint8Array(buffer, byteOffset, length);
  }

  /** Removes a file behind the log's back. */
  lose(name: string): void {
    this.#names.delete(name);
  }

  /** Puts a file there behind the log's back. */
  put(name: string, bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    this.#names.set(name, inodeOf(copy, copy));
  }

  #file(inode: Inode): LogFile {
    // A failed write is reported once to each open file (fsync(2)).
    let reported = inode.failures;
    const sync = () => {
      this.#sync(inode);
      if (inode.failures === reported) return;
      reported = inode.failures;
      throw new Error("EIO: i/o error");
    };
    return {
      size: () => inode.cache.length,
      read: (offset, bytes) => {
        this.#assertRunning();
        // What was written stays as it is: a log changes nothing that it has read.
        return inode.cache.subarray(offset, offset + bytes);
      },
      write: (offset, bytes) => {
        if (this.isFull) throw new Error("ENOSPC: no space left on device");
        this.#changing(() => {
          // A write that fails may have written a part.
          writeTo(inode, offset, bytes.slice(0, Math.floor(bytes.length / 2)));
        });
        writeTo(inode, offset, bytes);
      },
      truncate: (bytes) => {
        this.#changing();
        inode.cache = inode.cache.subarray(0, bytes);
      },
      sync,
      syncLater: (done) => {
        this.#later.push(() => {
          try {
            sync();
          } catch (error) {
            if (error instanceof MachineStopped) return;
            return done(error as Error);
          }
          done();
        });
      },
      close: () => {},
    };
  }

  #sync(inode: Inode): void {
    if (this.#stopsAtSync) this.#plan = { ...this.#plan, stopAt: this.calls + 1 };
    this.#assertRunning();
    // The kernel drops the pages of a failed sync: they are read from the cache, and never written.
    if (this.#counted()) {
      inode.pending = [];
      inode.failures++;
    }
    for (const write of inode.pending) inode.synced.push(write);
    inode.pending = [];
  }

  #setName(name: string, inode: Inode | undefined): void {
    setIn(this.#names, name, inode);
    this.#nameChanges.push({ name, inode });
  }

  #changing(onFailure = () => {}): void {
    this.#assertRunning();
    if (!this.#counted()) return;
    onFailure();
    throw new Error("EIO: i/o error");
  }

  /** Counts a call, in which the machine may stop, and returns whether it fails. */
  #counted(): boolean {
    this.calls++;
    if (this.calls === this.#plan.stopAt) {
      this.#isStopped = true;
      throw new MachineStopped("the machine has stopped");
    }
    return this.calls === this.#plan.failAt;
  }

  #assertRunning(): void {
    if (this.#isStopped) throw new MachineStopped("the machine has stopped");
  }
}

function setIn(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}
