/**
 * Checks every second that the journal file exists and that descriptors are available. If they are
 * short, it logs an error and closes idle connections. It also has the engine follow the system's
 * clock.
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
  /** Follows the system's clock, if it was set. */
  followClock(): void;
  clock: Pick<Clock, "after">;
  log: Log;
}

const lookMs = 1_000;
/** At the limit the shortage comes and goes. It is over after this many checks without one. */
const calmLooks = 10;

export class ResourceMonitor {
  readonly #options: ResourceMonitorOptions;
  readonly #guard: FaultGuard;
  /** The number of checks left until the shortage is over. */
  #looksLeft = 0;
  #cancel = () => {};

  constructor(options: ResourceMonitorOptions) {
    this.#options = options;
    this.#guard = new FaultGuard(options.log);
  }

  start(): void {
    this.#options.checkJournal();
    this.#guard.attempt("close idle connections", () => this.#look());
    this.#options.followClock();
    this.#cancel = this.#options.clock.after(lookMs, () => this.start());
  }

  close(): void {
    this.#cancel();
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
