/** Which commands run on which operating system. */
import { usage } from "./strictArgs.ts";

/** What to do instead on Windows. */
const instead = {
  serve: "Run it on Linux or macOS, or in the Windows Subsystem for Linux",
  service: "Use WinSW with windows/wsctl-agent.xml from the archive of the release",
} as const;

/**
 * Refuses on Windows a control plane, which can there neither keep its data directory from other
 * users nor take a new certificate on an open port, and units of systemd.
 * @throws {WsctlError} USAGE on Windows
 */
export function assertSystem(
  command: keyof typeof instead,
  platform: string = process.platform,
): void {
  if (platform !== "win32") return;
  throw usage(`wsctl ${command} does not run on Windows. ${instead[command]}`);
}
