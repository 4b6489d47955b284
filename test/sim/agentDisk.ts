/**
 * The disk of an agent's machine: the agent's own log on the bytes of a storage with faults. A
 * process that dies leaves what it wrote. A machine whose power fails leaves any part of what was
 * not synced. Some disks are slow, so that commits overlap with what happens meanwhile.
 */
import type { AgentWrite, Identity, RequestRecord } from "../../lib/agent/core/model.ts";
import {
  type AgentJournal,
  type LogJournal,
  openAgentJournal,
} from "../../lib/agent/journal/journal.ts";
import { DiskFaults } from "./diskFaults.ts";
import { FaultyStorage, MachineStopped } from "./faultyStorage.ts";
import type { Random } from "./random.ts";
import type { ProcessClock } from "./time.ts";

/** So small that logs have many segments. */
const segmentBytes = { first: 4096, max: 4096 };

export class AgentDisk {
  readonly faults: DiskFaults;
  /** How long a sync takes, in milliseconds; 0 if it is too quick to matter. */
  readonly #syncMs: number;
  readonly #random: () => number;
  #storage = new FaultyStorage();
  #journal: LogJournal | undefined;
  #isWriting = false;
  /** Whether a process has the journal, or had it, since the last one died. */
  #isUsed = false;
  /** What was on the disk before the identity that it has now. */
  #image = new FaultyStorage();

  /** @param random returns a number from 0 up to 1 */
  constructor(syncMs: number, random: () => number) {
    this.#syncMs = syncMs;
    this.#random = random;
    this.faults = new DiskFaults(syncMs, random);
  }

  /** Some disks are slow. */
  static empty(random: Random): AgentDisk {
    const syncMs = random.chance(0.3) ? random.int(1, 200) : 0;
    return new AgentDisk(syncMs, () => random.unit());
  }

  get identity(): Identity {
    return this.#opened.identity;
  }

  /** A machine made from an older image of this one: with the identity that it had then. */
  copyOfImage(): AgentDisk {
    return this.#copyOf(this.#image);
  }

  /** Another machine with all that this one has on its disk now. */
  copy(): AgentDisk {
    return this.#copyOf(this.#storage);
  }

  /**
   * Whether something is on record, or on its way to a slow disk, that a process on a copy of this
   * machine would go on with.
   */
  get isUnderWay(): boolean {
    if (this.#isWriting) return true;
    return this.openRecords().some(({ state }) => state === "accepted" || state === "restarting");
  }

  openRecords(): RequestRecord[] {
    return this.#opened.unacknowledged();
  }

  /** The process is dead, and the machine runs on. */
  processDied(): void {
    // What was opened since then, to look at its records, has what a process would find.
    if (!this.#isUsed) return;
    this.#startOn(this.#storage.afterKill());
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
    this.#startOn(this.#storage.afterPowerFailure(this.#random));
    this.faults.onCrash();
  }

  #startOn(storage: FaultyStorage): void {
    this.#storage = storage;
    this.#journal = undefined;
    this.#isWriting = false;
    this.#isUsed = false;
  }

  /** The journal of a process that starts now. */
  journal(clock: ProcessClock): AgentJournal {
    this.processDied();
    this.faults.clock = clock;
    const { isAlive } = this.faults;
    const journal = this.#opened;
    this.#isUsed = true;
    return {
      get identity() {
        return journal.identity;
      },
      commit: (writes, done) => {
        if (!isAlive()) throw new Error("the process is dead");
        return this.#commit(journal, clock, writes, done);
      },
      settle: () => {
        // Whoever waits for the disk of a dead process would wait for ever.
        if (!isAlive()) throw new MachineStopped("the process is dead");
        this.#running(() => journal.settle());
      },
      find: (requestId) => journal.find(requestId),
      unacknowledged: () => journal.unacknowledged(),
      scheduledRuns: () => journal.scheduledRuns(),
      close: () => {
        if (isAlive()) this.#running(() => journal.close());
      },
    };
  }

  #commit(
    journal: LogJournal,
    clock: ProcessClock,
    writes: AgentWrite[],
    done: Parameters<AgentJournal["commit"]>[1],
  ): ReturnType<AgentJournal["commit"]> {
    const { crash } = this.faults;
    this.faults.crash = undefined;
    if (crash === "before") return this.#die();
    const storage = this.#storage;
    this.faults.arm(storage, crash);
    if (writes.some(({ type }) => type === "putIdentity")) this.#image = storage.afterKill();
    const written = (committed: Parameters<typeof done>[0]) => {
      if (storage.isStopped) return;
      this.#isWriting = false;
      done(committed);
    };
    const durable = this.#running(() => journal.commit(writes, written));
    this.#isWriting = durable === undefined;
    if (durable === undefined) clock.after(this.faults.syncMs, () => this.#finishSyncs(storage));
    return crash === "after" ? this.#die() : durable;
  }

  /** Does something with the journal, in which the machine may stop. */
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

  #die(): never {
    this.faults.onCrash();
    throw new Error("the process has died");
  }

  get #opened(): LogJournal {
    const storage = this.#storage;
    this.#journal ??= openAgentJournal({
      storage,
      clock: this.faults.logClock(() => {
        if (storage.isStopped) this.losePower();
      }),
      segmentBytes,
      policy: this.faults.policy,
    });
    return this.#journal;
  }

  #copyOf(storage: FaultyStorage): AgentDisk {
    const copy = new AgentDisk(this.#syncMs, this.#random);
    copy.#storage = storage.afterKill();
    copy.#image = this.#image;
    return copy;
  }
}
