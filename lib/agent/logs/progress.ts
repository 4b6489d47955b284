/** Tells whoever watches how far a long reading is, now and then. */
const everyMs = 2_000;

/** Takes the bytes of each read; says nothing of what is done at once. */
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
