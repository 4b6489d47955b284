import { availableParallelism, release, totalmem, uptime } from "node:os";
import * as v from "valibot";
import type { CommandDefinition } from "./command.ts";

const Parameters = v.strictObject({});

export const info: CommandDefinition<typeof Parameters> = {
  name: "info",
  summary: "says what this host and this agent are",
  parameters: Parameters,
  run: async (_parameters, { facts }) => ({
    status: "success",
    message: `${facts.hostname}, ${facts.os} ${facts.arch}, wsctl ${facts.version}`,
    result: {
      hostname: facts.hostname,
      os: facts.os,
      os_release: release(),
      arch: facts.arch,
      cpus: availableParallelism(),
      memory_bytes: totalmem(),
      host_uptime_seconds: Math.round(uptime()),
      version: facts.version,
      runtime: facts.runtime,
      pid: facts.pid,
      started_at: new Date(facts.startedAt).toISOString(),
    },
  }),
};
