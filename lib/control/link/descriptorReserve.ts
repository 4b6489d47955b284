/**
 * Reserves file descriptors for the API and for files: near the limit, no further agent is
 * accepted. Every connection takes a descriptor, and without one no client can be served.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface DescriptorReserveOptions {
  /** Undefined if the operating system does not report it; then no agent is rejected. */
  limit: number | undefined;
  /** Returns the number of open descriptors. */
  count(): number;
  /** Milliseconds. */
  now(): number;
}

/** A limit below this is logged at the start. */
const limitLow = 4_096;
/** The minimum interval between two counts. Counting takes at most 2 % of the time. */
const countMs = 100;
const restShare = 50;

export class DescriptorReserve {
  readonly limit: number | undefined;
  readonly #options: DescriptorReserveOptions;
  readonly #most: number;
  #open = 0;
  /** The number of agents accepted since the last count. */
  #since = 0;
  #wasShort = false;
  #countAgainAt = Number.NEGATIVE_INFINITY;

  constructor(options: DescriptorReserveOptions) {
    const { limit = Number.POSITIVE_INFINITY } = options;
    this.#options = options;
    this.limit = options.limit;
    this.#most = limit - Math.min(512, Math.max(24, Math.floor(limit / 8)));
  }

  /** The number of open descriptors above which no agent is accepted. */
  get most(): number {
    return this.#most;
  }

  /** The message for a low limit; undefined if the limit is high enough. */
  get advice(): string | undefined {
    const { limit } = this;
    if (limit === undefined || limit >= limitLow) return undefined;
    const text = `about ${Math.max(0, this.#most - 16)} agents can connect`;
    return `The limit of open files is ${limit}: ${text}. Raise it with "ulimit -n" or LimitNOFILE`;
  }

  /** Whether only the reserved descriptors are left. */
  get isShort(): boolean {
    const { limit, count, now } = this.#options;
    if (limit === undefined) return false;
    const began = now();
    if (began >= this.#countAgainAt) {
      this.#open = count();
      this.#since = 0;
      this.#countAgainAt = now() + Math.max(countMs, restShare * (now() - began));
    }
    const isShort = this.#open + this.#since > this.#most;
    this.#wasShort ||= isShort;
    return isShort;
  }

  /** Whether descriptors are short now or were since the last call. */
  count(): boolean {
    const was = this.isShort || this.#wasShort;
    this.#wasShort = false;
    return was;
  }

  /** Counts a connection that is about to be accepted. */
  take(): void {
    this.#since++;
  }
}

/** The reserve of this process, from `/proc/self/limits` and `/proc/self/fd` (proc(5)). */
export function openDescriptorReserve(): DescriptorReserve {
  return new DescriptorReserve({
    limit: ownLimit(),
    count: countOwn,
    now: () => performance.now(),
  });
}

function ownLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Not Linux: there is no /proc.
    return undefined;
  }
}

function countOwn(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // No descriptor is left, not even for this directory.
    return Number.POSITIVE_INFINITY;
  }
}
