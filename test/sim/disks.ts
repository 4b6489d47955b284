/**
 * The disk of the control plane's machine: its log on the bytes of a storage with faults, and what
 * the log says, in maps in place of the index. A commit may find the disk full. The process may die
 * right before it, right after it, or between the write and the sync, when the power fails.
 */
import type { ControlWrite } from "../../lib/control/core/model.ts";
import { encodeFact, parseEntry, toFact } from "../../lib/control/journal/entries.ts";
import type { ControlJournal } from "../../lib/control/journal/journal.ts";
import { outcomeSequences } from "../../lib/control/journal/outcomeWrites.ts";
import type { CompressBlock } from "../../lib/store/log/compressed/blocks.ts";
import { DurableLog } from "../../lib/store/log/durableLog.ts";
import type { ChainEnd } from "../../lib/store/log/segments.ts";
import { ControlRecords } from "./controlRecords.ts";
import { toWrite } from "./controlWrites.ts";
import { DiskFaults } from "./diskFaults.ts";
import { FaultyStorage, MachineStopped } from "./faultyStorage.ts";
import { recordsJournal } from "./recordsJournal.ts";
import { storedBlock } from "./storedBlock.ts";
import type { ProcessClock } from "./time.ts";

/** So small that the log has many segments. */
const segmentBytes = { first: 8192, max: 8192 };
/** How long the compression of a block takes. */
const compressMs = 40;

export class ControlDisk extends ControlRecords {
  readonly faults: DiskFaults;
  /** A block of a segment was compressed; set by the world. */
  onCompressed: () => void = () => {};
  readonly #random: () => number;
  #storage = new FaultyStorage();
  #log: DurableLog;
  /** The end of what the maps have. */
  #end: ChainEnd = { sequence: 0, digest: new Uint8Array(32) };
  /**
   * @param syncMs how long a sync takes; 0 if it is too quick to matter
   * @param random returns a number from 0 up to 1
   */
  constructor(syncMs = 0, random: () => number = () => 0) {
    super();
    this.#random = random;
    this.faults = new DiskFaults(syncMs, random);
    this.#log = this.#openLog();
  }

  /** The process is dead, and the machine runs on: what was written is on the disk. */
  processDied(): void {
    this.#storage = this.#storage.afterKill();
    this.#log = this.#openLog();
  }

  /** Another disk with what a process would find here now. */
  copyOfStorage(): FaultyStorage {
    return this.#storage.afterKill();
  }

  /** No more faults. */
  heal(): void {
    this.faults.cease();
    this.#storage.cease();
  }

  /** The power fails: what was not synced may be on the disk or not, and the process is dead. */
  losePower(): void {
    this.#storage = this.#storage.afterPowerFailure(this.#random);
    this.#log = this.#openLog();
    this.faults.onCrash();
  }

  /** The journal of a process that starts now. */
  journal(clock: Pick<ProcessClock, "after"> = { after: () => () => {} }): ControlJournal {
    this.faults.clock = clock;
    const { isAlive } = this.faults;
    const commit: ControlJournal["commit"] = (writes, done) => {
      if (!isAlive()) throw new Error("the process is dead");
      return this.#commit(writes, clock, (committed) => {
        if (isAlive()) done(committed);
      });
    };
    return recordsJournal(this, {
      commit,
      settle: () => {
        // Whoever waits for the disk of a dead process would wait for ever.
        if (!isAlive()) throw new MachineStopped("the process is dead");
        this.#running(() => this.#log.settle());
      },
      probe: () => {
        if (!isAlive() || this.faults.isFull) throw new Error("the disk is full");
        this.#storage.isFull = false;
        this.#running(() => this.#log.probe());
      },
      commitNow: (writes) => {
        const now = commit(writes, () => {});
        if (now === undefined) throw new Error("the disk is slow");
        return now.result;
      },
      close: () => {},
    });
  }

  #commit(
    writes: ControlWrite[],
    clock: Pick<ProcessClock, "after">,
    done: Parameters<ControlJournal["commit"]>[1],
  ): ReturnType<ControlJournal["commit"]> {
    const { crash } = this.faults;
    this.faults.crash = undefined;
    if (crash === "before") return this.#die();
    this.assertOpen(writes);
    const storage = this.#storage;
    this.faults.arm(storage, crash);
    const lines = writes.map((write) => encodeFact(toFact(write), 0));
    const resultFrom = (first: number) => ({
      result: { sequences: outcomeSequences(writes, first) },
    });
    const written = (error?: unknown) => {
      if (storage.isStopped) return;
      const { sequence } = appended.place;
      if (error === undefined) this.#applied(writes, sequence);
      done(error === undefined ? resultFrom(sequence) : { error });
    };
    const appended = this.#running(() => this.#log.append(lines, written));
    const { sequence } = appended.place;
    if (appended.isDurable) this.#applied(writes, sequence);
    else clock.after(this.faults.syncMs, () => this.#finishSyncs(storage));
    if (crash === "after") this.#die();
    return appended.isDurable ? resultFrom(sequence) : undefined;
  }

  #applied(writes: ControlWrite[], first: number): void {
    this.apply(writes, first);
    this.#end = { sequence: this.#log.sequence, digest: this.#log.digest };
  }

  /** Does something with the log, in which the machine may stop. */
  #running<T>(run: () => T): T {
    const storage = this.#storage;
    try {
      const result = run();
      if (!storage.isStopped) return result;
    } catch (error) {
      if (!storage.isStopped) throw error;
    }
    this.losePower();
    throw new MachineStopped("the machine has stopped");
  }

  #finishSyncs(storage: FaultyStorage): void {
    storage.finishSyncs();
    if (storage.isStopped) this.losePower();
  }

  /** Another thread compresses a block, and syncs what is finished. The machine may stop in it. */
  #compressLater(
    storage: FaultyStorage,
    plain: Uint8Array,
    done: Parameters<CompressBlock>[1],
  ): void {
    this.faults.clock?.after(compressMs, () => {
      if (storage !== this.#storage) return;
      this.faults.armCompression(storage);
      done(null, storedBlock(plain));
      this.#finishSyncs(storage);
      this.onCompressed();
    });
  }

  #die(): never {
    this.faults.onCrash();
    throw new Error("the process has died");
  }

  /** Opens the log, and brings the maps up to date with it. */
  #openLog(): DurableLog {
    let batch: ControlWrite[] = [];
    const storage = this.#storage;
    const log = DurableLog.open({
      storage,
      owner: "controlPlane",
      segmentBytes,
      clock: this.faults.logClock(() => {
        if (storage.isStopped) this.losePower();
      }),
      policy: this.faults.policy,
      compress: (plain, done) => this.#compressLater(storage, plain, done),
      from: this.#end,
      onEntry: ({ line, sequence, isLast }) => {
        batch.push(toWrite(parseEntry(line)));
        if (!isLast) return;
        this.apply(batch, sequence - batch.length + 1);
        batch = [];
      },
    });
    if (!log.hasFrom) throw new Error("the log lacks what was on disk");
    this.#end = { sequence: log.sequence, digest: log.digest };
    return log;
  }
}
