/**
 * File descriptors: every connection is one, and where none is left nobody can be answered any
 * more. Some are kept back for the API and the files: near the limit no further agent is let in.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface DescriptorReserveOptions {
  /** Undefined where the operating system does not tell: then nobody is refused. */
  limit: number | undefined;
  /** How many are open. */
  count(): number;
  /** Milliseconds. */
  now(): number;
}

/** Fewer than these are worth a word at the start. */
const limitLow = 4_096;
/** It is counted no more often than this, and for no more than a fiftieth of the time. */
const countMs = 100;
const restShare = 50;

export class DescriptorReserve {
  readonly limit: number | undefined;
  readonly #options: DescriptorReserveOptions;
  readonly #most: number;
  #open = 0;
  /** Let in since they were counted. */
  #since = 0;
  #wasShort = false;
  #countAgainAt = Number.NEGATIVE_INFINITY;

  constructor(options: DescriptorReserveOptions) {
    const { limit = Number.POSITIVE_INFINITY } = options;
    this.#options = options;
    this.limit = options.limit;
    this.#most = limit - Math.min(512, Math.max(24, Math.floor(limit / 8)));
  }

  /** How many may be open before no further agent is let in. */
  get most(): number {
    return this.#most;
  }

  /** Undefined where the limit is high enough for most. */
  get advice(): string | undefined {
    const { limit } = this;
    if (limit === undefined || limit >= limitLow) return undefined;
    const text = `about ${Math.max(0, this.#most - 16)} agents can be connected at a time`;
    return `the limit of open files is ${limit}: ${text}. Raise it with "ulimit -n" or LimitNOFILE`;
  }

  /** Whether so few are left that none may be given to an agent. */
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

  /** Whether they are, or were found to be since this was last asked. */
  look(): boolean {
    const was = this.isShort || this.#wasShort;
    this.#wasShort = false;
    return was;
  }

  /** One more is about to be given away. */
  take(): void {
    this.#since++;
  }
}

/** Of this process. */
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
    // Not Linux: it is not told there.
    return undefined;
  }
}

function countOwn(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // Not even one for this.
    return Number.POSITIVE_INFINITY;
  }
}
