/**
 * Checks every second that the journal file exists and that descriptors are available. If they are
 * short, it logs an error and closes idle connections. It also logs that the system's clock was
 * set.
 */
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import type { Server } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import type { DescriptorReserve } from "./descriptorReserve.ts";

export interface ResourceMonitorOptions {
  descriptors: DescriptorReserve;
  server: Pick<Server, "closeIdle">;
  /** Throws if the journal file was moved or deleted. */
  checkJournal(): void;
  clock: Pick<Clock, "after" | "now" | "wall">;
  log: Log;
}

const lookMs = 1_000;
/** A smaller correction is of no interest to people. */
const clockStepMsMin = 60_000;
/** At the limit the shortage comes and goes. It is over after this many checks without one. */
const calmLooks = 10;

export class ResourceMonitor {
  readonly #options: ResourceMonitorOptions;
  readonly #guard: FaultGuard;
  /** The number of checks left until the shortage is over. */
  #looksLeft = 0;
  #clockAheadMs: number;
  #cancel = () => {};

  constructor(options: ResourceMonitorOptions) {
    this.#options = options;
    this.#guard = new FaultGuard(options.log);
    this.#clockAheadMs = clockAheadMs(options.clock);
  }

  start(): void {
    this.#options.checkJournal();
    this.#guard.attempt("close idle connections", () => this.#look());
    this.#lookAtClock();
    this.#cancel = this.#options.clock.after(lookMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }

  /** Deadlines do not move with the clock, and neither do the times of what happens. */
  #lookAtClock(): void {
    const { clock, log } = this.#options;
    const stepMs = clockAheadMs(clock) - this.#clockAheadMs;
    if (Math.abs(stepMs) < clockStepMsMin) return;
    this.#clockAheadMs += stepMs;
    const seconds = Math.round(stepMs / 1000);
    const text = "clock set: jobs, requests and agents have the time of the clock before";
    log.warn(`${text}. Restart "wsctl serve" to correct it`, { seconds });
  }

  #look(): void {
    const { descriptors, server, log } = this.#options;
    const { most, limit } = descriptors;
    const isShort = descriptors.count();
    if (isShort) server.closeIdle();
    if (isShort && this.#looksLeft === 0) {
      const text = `${most} of ${limit} file descriptors are in use, so no further agent is accepted`;
      log.error(`${text}. Raise the limit with "ulimit -n" or LimitNOFILE`);
    }
    if (isShort) this.#looksLeft = calmLooks;
    else if (this.#looksLeft > 0 && --this.#looksLeft === 0) {
      log.info("file descriptors available again");
    }
  }
}

/** By how much the system's clock is ahead of the one that never jumps. */
function clockAheadMs(clock: Pick<Clock, "now" | "wall">): number {
  return clock.wall() - clock.now();
}
