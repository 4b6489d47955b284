import type { CommandContext, HostInfo } from "../../../../lib/agent/commands/command.ts";

/** An agent as commands see it. */
export const facts: HostInfo = {
  version: "1.2.3",
  runtime: "bun 1.4.5",
  hostname: "web-1",
  os: "linux",
  arch: "x64",
  pid: 4242,
  startedAt: 1_740_400_496_007,
};

export function contextWith(signal = new AbortController().signal): CommandContext {
  return { signal, host: facts, moveTo: () => Promise.resolve(undefined) };
}
