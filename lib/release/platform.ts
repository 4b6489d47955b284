/** What a binary is built for, and what this host is. */
import { readdirSync } from "node:fs";
import { arch, platform } from "node:os";

/** Such as `linux-x64`, or `linux-x64-musl` where the C library is musl. */
export function thisPlatform(): string {
  return `${platform()}-${arch()}${platform() === "linux" && isMusl() ? "-musl" : ""}`;
}

/** Whether programs of this host are linked by musl's loader, and those of glibc cannot start. */
export function isMusl(libraryDirs: readonly string[] = ["/lib", "/lib64"]): boolean {
  const names = libraryDirs.flatMap(namesIn);
  const isGlibc = names.some((name) => /^ld-linux-.*\.so|^ld-linux\.so|^ld64\.so/.test(name));
  // Both are there where one was added for single programs: then everything else is of glibc.
  return !isGlibc && names.some((name) => name.startsWith("ld-musl-"));
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
