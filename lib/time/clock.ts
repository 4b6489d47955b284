/**
 * Time for every decision: milliseconds since 1970 that never jump. The wall clock is read once;
 * from then on the monotonic clock is added, so that a step of the system's clock while a process
 * runs moves no deadline. A restart adopts the wall clock again.
 */
export interface Clock {
  now(): number;
  /** Calls back once, not before so many milliseconds have passed; gives what calls that off. */
  after(ms: number, run: () => void): () => void;
  /** Calls back when everything that has already arrived was looked at. */
  soon(run: () => void): void;
}

export function steadyClock(): Clock {
  const origin = Date.now() - performance.now();
  return {
    now: () => origin + performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    soon: (run) => void setImmediate(run),
  };
}
