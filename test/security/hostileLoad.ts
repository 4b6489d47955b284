/** Agents that send too much or read too little: the others must not notice. */
import { expect, test } from "bun:test";
import { messagesBurstMax, messagesPerSecondMax } from "../../lib/protocol/limits.ts";
import type { StandardMessage } from "../support/clients/foreignPeer.ts";
import { standardText } from "../support/fixtures/standard.ts";
import type { Flavour } from "../support/processes/processes.ts";
import type { RawAgent, Target } from "../support/processes/target.ts";
import { hostileSuite } from "./hostileSuite.ts";

const heartbeat = standardText("heartbeat", {});
const commands = 60;
const parametersBytes = 40_000;

export function hostileLoadSuite(flavour: Flavour): void {
  hostileSuite("hostile load", flavour, (target) => {
    test("a flood of messages ends with 4429, and others are served meanwhile", async () => {
      await using flooder = await target().agent();
      await using other = await target().agent();
      let isClosed = false;
      const closed = flooder.socket.closed.then((close) => {
        isClosed = true;
        return close;
      });
      const pings: (string | undefined)[] = [];
      // Twice what may be saved up and as much again as refills in ten seconds: it must suffice.
      const most = 2 * messagesBurstMax + 10 * messagesPerSecondMax;
      for (let sent = 0; sent < most && !isClosed; sent += 1_000) {
        for (let count = 0; count < 1_000; count++) flooder.socket.text(heartbeat);
        await flooder.socket.flushed();
        if (sent % 5_000 === 0) pings.push(await target().pings(other));
      }
      expect((await closed).code).toBe(4429);
      expect(await target().pings(other)).toBe("success");
      expect(new Set(pings)).toEqual(new Set(["success"]));
      expect((await target().view(flooder.id)).online).toBe(false);
    });

    test("a flood of bytes ends with 4429", async () => {
      await using flooder = await target().agent();
      const text = heartbeat.replace("{}", `{"filler":"${"x".repeat(60_000)}"}`);
      let isClosed = false;
      const closed = flooder.socket.closed.then((close) => {
        isClosed = true;
        return close;
      });
      for (let sent = 0; sent < 2_000 && !isClosed; sent++) {
        flooder.socket.text(text);
        await flooder.socket.flushed();
      }
      expect((await closed).code).toBe(4429);
    });

    test("an agent that does not read loses nothing silently, and delays nobody", async () => {
      await using slow = await target().agent();
      await using other = await target().agent();
      slow.socket.pause();
      const jobs = await sendMany(target(), slow);
      expect(await target().pings(other)).toBe("success");
      const answering = answerAll(slow, new Set(jobs.flatMap(({ requestIds }) => requestIds)));
      slow.socket.resume();
      const close = await Promise.race([answering, slow.socket.closed]);
      if (close !== "answered all") expect(close.code).toBeGreaterThanOrEqual(1000);
      const ended = await Promise.all(jobs.map(({ jobId }) => target().ended(jobId)));
      const states = ended.flat().map(({ state }) => state);
      expect(states).toHaveLength(commands);
      if (close === "answered all") expect(new Set(states)).toEqual(new Set(["success"]));
      else
        expect(states.every((state) => ["success", "lost", "expired"].includes(state))).toBe(true);
      const seen = commandsOf(slow).map((message) => message.request_id);
      expect(new Set(seen).size).toBe(seen.length);
    });
  });
}

async function sendMany(target: Target, agent: RawAgent) {
  const parameters = { filler: "x".repeat(parametersBytes) };
  const jobs: Awaited<ReturnType<Target["send"]>>[] = [];
  for (let count = 0; count < commands; count++) {
    const limits = { timeout_seconds: 5, ttl_seconds: 20 };
    jobs.push(await target.send("store", [agent.id], { parameters, ...limits }));
  }
  return jobs;
}

async function answerAll(agent: RawAgent, wanted: Set<string>): Promise<"answered all"> {
  for (let from = 0; wanted.size > 0; from++) {
    const message = await agent.socket.message<StandardMessage>("command", () => true, from);
    const id = message.request_id ?? "";
    expect(String((message.payload.parameters as { filler: string }).filler)).toHaveLength(
      parametersBytes,
    );
    wanted.delete(id);
    agent.respond(id);
  }
  return "answered all";
}

function commandsOf(agent: RawAgent): StandardMessage[] {
  return agent.socket.frames.all.map(
    ({ payload }) => JSON.parse(payload.toString()) as StandardMessage,
  );
}
