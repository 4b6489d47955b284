import { expect, test } from "bun:test";
import { AgentLines } from "../../../../lib/control/engine/agentLines.ts";
import { type Log, silentLog } from "../../../../lib/log/log.ts";
import { disconnectLinesMax } from "../../../../lib/protocol/limits.ts";
import type { Clock } from "../../../../lib/time/clock.ts";

test("agents that disconnect at once have few lines, and each is told to the listeners", () => {
  const lines: string[] = [];
  const say = (text: string) => void lines.push(text);
  const log: Log = { ...silentLog, info: say, warn: say };
  const rings: (() => void)[] = [];
  const clock = { now: () => 0, after: (_ms: number, run: () => void) => rings.push(run) };
  const agents = new AgentLines(log, clock as unknown as Clock);
  const told: string[] = [];
  const forget = agents.onDisconnect((agentId, { reason }) => told.push(`${agentId} ${reason}`));
  const close = { code: 1006, reason: "lost" };
  const end = (agent: string) => {
    agents.write({ type: "log", level: "info", agent, text: "disconnected", close });
  };
  for (let index = 0; index < 5_000; index++) end(`a-${index}`);
  expect(told).toHaveLength(5_000);
  expect(told[0]).toBe("a-0 lost");
  expect(lines).toHaveLength(disconnectLinesMax);
  agents.write({ type: "log", level: "warn", agent: "a-1", text: "timed out" });
  expect(lines.at(-1)).toBe("agent a-1 timed out");
  for (const ring of rings) ring();
  expect(lines.at(-1)).toStartWith(`${5_000 - disconnectLinesMax} more log lines about agents`);
  forget();
  end("a-1");
  expect(told).toHaveLength(5_000);
});
