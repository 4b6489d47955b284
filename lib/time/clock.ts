/**
 * The two clocks. `now` measures durations: it never jumps, so that a changed system clock moves no
 * deadline, and it includes the time while the host was suspended. `wall` is the system's clock,
 * for times that others compare with their clocks, such as the expiry of a token or a certificate,
 * or the time of an audit entry. `Timeline` joins both for times that are stored and also waited
 * for.
 */
import { uptime } from "node:os";

export interface Clock {
  /** Milliseconds since 1970 as read at the start, plus the elapsed time. */
  now(): number;
  /** Milliseconds since 1970 on the system's clock, which may change at any time. */
  wall(): number;
  /** Calls `run` once after `ms` milliseconds. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` after all events that have already arrived. */
  defer(run: () => void): void;
}

/**
 * The interval at which waits for a wall-clock time check the clock: no timer follows a changed
 * clock or a suspended host.
 */
export const wallPollMs = 10_000;

/** The minimum interval between checks for a suspension. */
const suspendPollMs = 1_000;
/** The two counters differ by less than this while the host runs. */
const suspendedMsMin = 500;

export function systemClock(): Clock {
  const origin = Date.now() - performance.now();
  // The monotonic clock stops while a host is suspended; its uptime does not (CLOCK_BOOTTIME,
  // clock_gettime(2)).
  const bootOrigin = uptime() * 1000 - performance.now();
  let suspendedMs = 0;
  let lookedAt = performance.now();
  let aheadMs = origin;
  return {
    now: () => {
      const passed = performance.now();
      const wallAheadMs = Date.now() - passed;
      // The system's clock moves on while the host is suspended, and also when it is set.
      const hasMoved = Math.abs(wallAheadMs - aheadMs) >= suspendedMsMin;
      if (hasMoved || passed - lookedAt >= suspendPollMs) {
        lookedAt = passed;
        aheadMs = wallAheadMs;
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
