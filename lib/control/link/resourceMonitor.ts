/**
 * Looks every second whether the journal is still where it was, and whether descriptors run short;
 * then it says so, and ends idle connections.
 */
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import type { Server } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import type { DescriptorReserve } from "./descriptorReserve.ts";

export interface ResourceMonitorOptions {
  descriptors: DescriptorReserve;
  server: Pick<Server, "closeIdle">;
  /** Says whether the journal's file is still in its place. */
  checkJournal(): void;
  clock: Pick<Clock, "after">;
  log: Log;
}

const lookMs = 1_000;
/** At the very limit it comes and goes: it is over when it has not come for so many looks. */
const calmLooks = 10;

export class ResourceMonitor {
  readonly #options: ResourceMonitorOptions;
  readonly #aside: FaultGuard;
  /** Looks until it is over. */
  #looksLeft = 0;
  #cancel = () => {};

  constructor(options: ResourceMonitorOptions) {
    this.#options = options;
    this.#aside = new FaultGuard(options.log);
  }

  start(): void {
    this.#options.checkJournal();
    this.#aside.attempt("end idle connections", () => this.#look());
    this.#cancel = this.#options.clock.after(lookMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const { descriptors, server, log } = this.#options;
    const { most, limit } = descriptors;
    const isShort = descriptors.look();
    if (isShort) server.closeIdle();
    if (isShort && this.#looksLeft === 0) {
      const text = `over ${most} of ${limit} file descriptors are in use: no further agent is let in`;
      log.error(`${text}. Raise the limit with "ulimit -n" or LimitNOFILE`);
    }
    if (isShort) this.#looksLeft = calmLooks;
    else if (this.#looksLeft > 0 && --this.#looksLeft === 0) {
      log.info("there are file descriptors for agents again");
    }
  }
}
