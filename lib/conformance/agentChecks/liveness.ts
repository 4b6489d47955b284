/** Heartbeats and status updates of an agent. */
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentSession } from "../agentSession.ts";
import type { Check } from "../check.ts";
import { opcodes } from "../frames.ts";
import type { Link, ReceivedMessage } from "../link.ts";
import { standard } from "../sources.ts";
import { expectThat, typeOf } from "../wire.ts";

type AgentCheck = Check<AgentSession>;

function sentSince(link: Link, type: string, at: number): ReceivedMessage | undefined {
  return link.messages.find((each) => typeOf(each) === type && each.at > at);
}

async function requireSent(session: AgentSession, type: string, ms: number): Promise<void> {
  const link = await session.link();
  const found = await link.until(ms, () => sentSince(link, type, 0));
  expectThat(found !== undefined, `a ${type} within ${ms / 1000} s`, undefined);
}

async function requireAnother(session: AgentSession, type: string, ms: number): Promise<void> {
  const link = await session.link();
  const from = performance.now();
  const found = await link.until(ms, () => sentSince(link, type, from));
  expectThat(found !== undefined, `another ${type} within ${ms / 1000} s`, undefined);
}

export const livenessChecks: AgentCheck[] = [
  {
    id: "heartbeat/first",
    level: "must",
    title: "sends a heartbeat",
    source: standard.heartbeat,
    run: (session) => requireSent(session, "heartbeat", session.options.heartbeatMs),
  },
  {
    id: "heartbeat/again",
    level: "must",
    title: "goes on sending heartbeats",
    source: standard.heartbeat,
    run: (session) => requireAnother(session, "heartbeat", session.options.heartbeatMs),
  },
  {
    id: "heartbeat/steady",
    level: "should",
    title: "sends heartbeats at a steady interval",
    source: standard.heartbeat,
    async run(session) {
      const { heartbeatMs } = session.options;
      const link = await session.link();
      const beats = () => link.messages.filter((each) => typeOf(each) === "heartbeat");
      await link.until(heartbeatMs * 3, () => (beats().length >= 4 ? true : undefined));
      const times = beats().map(({ at }) => at);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
      const longest = Math.max(0, ...gaps);
      expectThat(
        longest <= heartbeatMs,
        `at most ${heartbeatMs} ms between two`,
        Math.round(longest),
      );
    },
  },
  {
    id: "heartbeat/not-a-flood",
    level: "should",
    title: "sends no flood of heartbeats",
    source: standard.heartbeat,
    async run(session) {
      const link = await session.link();
      const from = performance.now();
      await sleep(200);
      // What the agent sent before its pong has come as well.
      const mark = link.pongs.length;
      link.frame(opcodes.ping, "counted");
      await link.until(session.options.answerMs, () => link.pongs[mark] ?? link.closed);
      const count = link.messages.filter(
        (each) => typeOf(each) === "heartbeat" && each.at > from,
      ).length;
      expectThat(count <= 20, "at most 20 heartbeats in 0.2 s", count);
    },
  },
  {
    id: "status_update/first",
    level: "must",
    title: "sends a status update",
    source: standard.periodic,
    run: (session) => requireSent(session, "status_update", session.options.statusMs),
  },
  {
    id: "status_update/again",
    level: "should",
    title: "sends status updates periodically",
    source: standard.periodic,
    run: (session) => requireAnother(session, "status_update", session.options.statusMs),
  },
];
