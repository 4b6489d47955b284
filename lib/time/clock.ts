/**
 * The two clocks, each for its purpose. `now` says how long: it never jumps, so that a step of the
 * system's clock moves no deadline, and it counts the time for which the host was suspended. `wall`
 * says when: it follows the system's clock, for whatever somebody else compares with theirs, such
 * as the expiry of a token or a certificate, or the time of an audit record.
 */
import { uptime } from "node:os";

export interface Clock {
  /** Milliseconds since 1970 as read at the start, plus all that has passed since. */
  now(): number;
  /** Milliseconds since 1970 by the system's clock, which may be set at any time. */
  wall(): number;
  /** Calls back once, not before so many milliseconds have passed; gives what calls that off. */
  after(ms: number, run: () => void): () => void;
  /** Calls back when everything that has already arrived was looked at. */
  defer(run: () => void): void;
}

/**
 * Whoever waits for a moment of the wall clock looks at it again after this long: no timer follows
 * a clock that is set, or a host that is suspended.
 */
export const wallPollMs = 10_000;

/** Suspensions are looked for this often at most. */
const suspendPollMs = 1_000;
/** The two counters that are compared differ by less than this while the host runs. */
const suspendedMsMin = 500;

export function systemClock(): Clock {
  const origin = Date.now() - performance.now();
  // The monotonic clock stops while a host is suspended, its uptime does not (Linux:
  // CLOCK_BOOTTIME).
  const bootOrigin = uptime() * 1000 - performance.now();
  let suspendedMs = 0;
  let lookedAt = performance.now();
  return {
    now: () => {
      const passed = performance.now();
      if (passed - lookedAt >= suspendPollMs) {
        lookedAt = passed;
        const behindMs = uptime() * 1000 - passed - bootOrigin;
        if (behindMs - suspendedMs >= suspendedMsMin) suspendedMs = behindMs;
      }
      return origin + passed + suspendedMs;
    },
    wall: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    defer: (run) => void setImmediate(run),
  };
}
