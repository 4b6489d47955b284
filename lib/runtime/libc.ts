/** What both runtimes call of the C library through their foreign function interfaces. */

/** `LOCK_EX | LOCK_NB` of flock(2). */
export const lockExclusiveNow = 6;

/**
 * Opens the C library by the first name that works: glibc, musl, or macOS.
 *
 * @throws an error with the failure of each name if this system has none of them
 */
export function openLibc<Library>(open: (name: string) => Library): Library {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names =
    process.platform === "darwin"
      ? ["libSystem.dylib"]
      : ["libc.so.6", `libc.musl-${machine}.so.1`];
  const failures: string[] = [];
  for (const name of names) {
    try {
      return open(name);
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw new Error(`Cannot open the C library: ${failures.join("; ")}`);
}
