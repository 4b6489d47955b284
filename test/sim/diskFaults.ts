/** What happens to the disk of a machine, or to its process while it writes. */
import type { Clock } from "../../lib/time/clock.ts";
import type { FaultyStorage } from "./faultyStorage.ts";

/** How a process, or its machine, ends with its next commit. */
export type CommitCrash = "before" | "unsynced" | "between" | "after";

/** More calls than a commit makes of its storage, with a new segment and the head. */
const callsOfCommit = 12;
/** Those that replace a segment by a compressed one. */
const callsOfCompression = 6;
/** So many of the crashes between two calls wait for the compression of a segment. */
const compressionShare = 0.3;
/** Those that begin a new segment are rare, so most failures must come early. */
const callsToFail = 4;

export class DiskFaults {
  isFull = false;
  /** Armed by the world: the next commit dies before or after it is made, or in the middle. */
  crash: CommitCrash | undefined;
  /** Armed by the world: one of the next calls to the storage fails. */
  failsSoon = false;
  /** How much longer than usual a sync takes, in milliseconds. */
  slowMs = 0;
  onCrash: () => void = () => {}; // Ends the process; set by the world.
  isAlive = () => true; // False for the dead: what they still do reaches no disk.
  /** Where its log syncs: on the event loop while a sync takes no time. */
  readonly policy: { readonly isInline: boolean; measured(): void };
  /** Of the process that uses the disk now. */
  clock: Pick<Clock, "after"> | undefined;
  /** Whether its log writes its head a little later; otherwise only when it is closed. */
  readonly #writesHead: boolean;
  readonly #usualMs: number;
  readonly #random: () => number;
  #stopsCompression = false;

  /** @param random returns a number from 0 up to 1 */
  constructor(usualMs: number, random: () => number) {
    this.#usualMs = usualMs;
    this.#random = random;
    this.#writesHead = random() < 0.5;
    const isInline = () => this.syncMs === 0;
    this.policy = {
      get isInline() {
        return isInline();
      },
      measured: () => {},
    };
  }

  /** How long a sync takes now, in milliseconds; 0 if it is too quick to matter. */
  get syncMs(): number {
    return this.#usualMs + this.slowMs;
  }

  /** @param written called when the log has written its head, in which the machine may stop */
  logClock(written: () => void): Clock {
    const after: Clock["after"] = (ms, run) => {
      if (!this.#writesHead || this.clock === undefined) return () => {};
      return this.clock.after(ms, () => {
        run();
        written();
      });
    };
    return { after, now: () => 0, wall: () => 0, defer: () => {} };
  }

  /** Hands what is armed to the storage, for a commit. */
  arm(storage: FaultyStorage, crash: CommitCrash | undefined): void {
    storage.isFull = this.isFull;
    if (crash === "unsynced") storage.stopAtSync();
    if (crash === "between" && this.#random() < compressionShare) this.#stopsCompression = true;
    else if (crash === "between") storage.stopAfter(this.#upTo(callsOfCommit));
    if (this.failsSoon) storage.failAfter(this.#upTo(callsToFail));
    this.failsSoon = false;
  }

  /** Hands what is armed to the storage, for the compression of a block. */
  armCompression(storage: FaultyStorage): void {
    if (this.#stopsCompression) storage.stopAfter(this.#upTo(callsOfCompression));
    this.#stopsCompression = false;
  }

  /** All is well from now on. */
  cease(): void {
    this.#stopsCompression = false;
    this.isFull = false;
    this.crash = undefined;
    this.failsSoon = false;
    this.slowMs = 0;
  }

  #upTo(most: number): number {
    return 1 + Math.floor(this.#random() * most);
  }
}
