/** What an agent knows of its host and of its process. */
import { arch, hostname, platform } from "node:os";
import { version } from "../protocol/wire/version.ts";
import { formatRuntime } from "../runtime/load.ts";
import type { Clock } from "../time/clock.ts";
import type { HostInfo } from "./commands/command.ts";

export function buildHostInfo(clock: Clock): HostInfo {
  return {
    version,
    runtime: formatRuntime(),
    hostname: hostname(),
    os: platform(),
    arch: arch(),
    pid: process.pid,
    startedAt: clock.now(),
  };
}
