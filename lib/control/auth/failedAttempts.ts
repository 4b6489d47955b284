/**
 * Counts failed authentication attempts by address and rate-limits an address above the limit. A
 * valid token is always accepted, whatever other clients do from the same address. This module is
 * pure: it is passed the time.
 */
import { WsctlError } from "../../protocol/errors.ts";
import { authFailuresMax, authWindowMs, failedAddressesMax } from "../../protocol/limits.ts";

export class TooManyFailures extends WsctlError {
  readonly retrySeconds: number;

  constructor(retrySeconds: number) {
    const text = "Too many failed attempts from this address";
    super("RATE_LIMITED", `${text}. Try again in ${retrySeconds} seconds`);
    this.retrySeconds = retrySeconds;
  }
}

interface Count {
  failures: number;
  since: number;
}

export class FailedAttempts {
  /** Ordered by the start of their windows. */
  readonly #counts = new Map<string, Count>();

  /**
   * Counts a failure. Returns the seconds to wait if there were too many failures.
   *
   * @param from Client IP address.
   * @param now Milliseconds since 1970.
   */
  failed(from: string, now: number): number | undefined {
    const address = toNetwork(from);
    this.#forget(now);
    const count = this.#counts.get(address) ?? { failures: 0, since: now };
    count.failures++;
    this.#counts.set(address, count);
    if (this.#counts.size > failedAddressesMax) {
      const [oldest = ""] = this.#counts.keys();
      this.#counts.delete(oldest);
    }
    return this.#remainingWait(count, now);
  }

  #remainingWait({ failures, since }: Count, now: number): number | undefined {
    const leftMs = since + authWindowMs - now;
    if (failures <= authFailuresMax || leftMs <= 0) return undefined;
    return Math.max(1, Math.ceil(leftMs / 1000));
  }

  #forget(now: number): void {
    for (const [address, { since }] of this.#counts) {
      if (since + authWindowMs > now) return;
      this.#counts.delete(address);
    }
  }
}

/** Maps an IPv6 address to its /64 prefix, because one client usually holds a whole prefix. */
export function toNetwork(address: string): string {
  if (!address.includes(":") || /^::ffff:\d/i.test(address)) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const [left, right] = [head, tail ?? ""].map((part) => part.split(":").filter(Boolean));
  const filled =
    tail === undefined ? [] : Array(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill("0");
  return [...(left ?? []), ...filled, ...(right ?? [])].slice(0, 4).join(":");
}
