/** Which commands run on which operating system. */
import { usage } from "./strictArgs.ts";

/**
 * Refuses a control plane on Windows: there it can neither keep its data directory from other users
 * nor take a new certificate on an open port.
 * @throws {WsctlError} USAGE on Windows
 */
export function assertSystem(command: string, platform: string = process.platform): void {
  if (platform !== "win32") return;
  const fix = "Run it on Linux or macOS, or in the Windows Subsystem for Linux";
  throw usage(`wsctl ${command} does not run on Windows. ${fix}`);
}
