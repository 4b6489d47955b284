/** The platform that a binary is built for, and the platform of this host. */
import { readdirSync } from "node:fs";
import { arch, platform } from "node:os";

/** Returns a name such as `linux-x64`, or `linux-x64-musl` if the C library is musl. */
export function thisPlatform(): string {
  return `${platform()}-${arch()}${platform() === "linux" && isMusl() ? "-musl" : ""}`;
}

/** Whether programs of this host use musl's loader, so that glibc binaries cannot start. */
export function isMusl(libraryDirs: readonly string[] = ["/lib", "/lib64"]): boolean {
  const names = libraryDirs.flatMap(namesIn);
  const isGlibc = names.some((name) => /^ld-linux-.*\.so|^ld-linux\.so|^ld64\.so/.test(name));
  // If both are installed, musl was added for single programs and the host uses glibc.
  return !isGlibc && names.some((name) => name.startsWith("ld-musl-"));
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
