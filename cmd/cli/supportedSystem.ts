/** Which commands run on which operating system. */
import { usage } from "./strictArgs.ts";

/**
 * Refuses a long-lived process where the system lacks what it needs: locks of files that end with
 * the process (flock(2)), signals, process groups, and sockets in a directory.
 * @throws {WsctlError} USAGE on Windows
 */
export function assertSystem(command: string, platform: string = process.platform): void {
  if (platform !== "win32") return;
  const fix = "Run it on Linux or macOS, or in the Windows Subsystem for Linux";
  throw usage(`wsctl ${command} does not run on Windows. ${fix}`);
}
