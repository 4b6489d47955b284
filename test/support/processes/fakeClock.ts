/** Debian's libfaketime, which sets the wall clock of one process, also while it runs. */
import { spawnSync } from "node:child_process";

/** Undefined where it is not installed. */
export const faketimeLibrary = findLibrary();

/** @param file says by how much the clock is off, such as `+3600s` */
export function clockEnvironment(file: string): Record<string, string> {
  if (faketimeLibrary === undefined) return {};
  return {
    LD_PRELOAD: faketimeLibrary,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

function findLibrary(): string | undefined {
  const found = spawnSync("find", ["/usr/lib", "-name", "libfaketime.so.1"], { encoding: "utf8" });
  return found.stdout?.split("\n")[0] || undefined;
}
