/** Prints the progress of a long read at intervals. */
const everyMs = 2_000;

/** Returns a function that takes the bytes of each read. Short reads print nothing. */
export function createProgress(
  say: (line: string) => void,
  now: () => number = () => performance.now(),
): (bytes: number) => void {
  let total = 0;
  let saidAt = now();
  return (bytes) => {
    total += bytes;
    if (now() - saidAt < everyMs) return;
    saidAt = now();
    say(`read ${Math.round(total / 1_000_000).toLocaleString("en-US")} MB so far`);
  };
}
