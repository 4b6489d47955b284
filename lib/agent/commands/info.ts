import { availableParallelism, release, totalmem, uptime } from "node:os";
import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

const Parameters = v.strictObject({});

export const info: CommandDefinition<typeof Parameters> = {
  name: "info",
  summary: "returns information about this host and this agent",
  parameters: Parameters,
  run: async (_parameters, { host }) => ({
    status: "success",
    message: `${host.hostname}, ${host.os} ${host.arch}, wsctl ${host.version}`,
    result: {
      hostname: host.hostname,
      os: host.os,
      os_release: release(),
      arch: host.arch,
      cpus: availableParallelism(),
      memory_bytes: totalmem(),
      host_uptime_seconds: Math.round(uptime()),
      version: host.version,
      runtime: host.runtime,
      pid: host.pid,
      started_at: new Date(host.startedAt).toISOString(),
    },
  }),
};
