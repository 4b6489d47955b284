import { expect, test } from "bun:test";
import { info } from "../../../../lib/agent/commands/info.ts";
import { contextWith } from "./facts.ts";

test("info says what this host and this agent are", async () => {
  const answer = await info.run({}, contextWith());
  expect(answer).toMatchObject({
    status: "success",
    message: "web-1, linux x64, wsctl 1.2.3",
    result: {
      hostname: "web-1",
      os: "linux",
      arch: "x64",
      version: "1.2.3",
      runtime: "bun 1.4.5",
      pid: 4242,
      started_at: "2025-02-24T12:34:56.007Z",
    },
  });
  const { result } = answer as { result: Record<string, unknown> };
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  expect(result.cpus).toBeGreaterThan(0);
  expect(result.memory_bytes).toBeGreaterThan(0);
  expect(result.host_uptime_seconds).toBeGreaterThanOrEqual(0);
  expect(result.os_release).toBeString();
});
