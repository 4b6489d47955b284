import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import type { Contender, Fleet } from "../contenders.ts";
import { freePort } from "../freePort.ts";
import { newHerds } from "../herds.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const answerMs = 60_000;

/** A queue for each agent, on Redis that syncs each write before it acknowledges it. */
export const bullMq: Contender = {
  name: "BullMQ on Redis",
  missing: () => (Bun.which("redis-server") === null ? "redis-server is not installed" : undefined),
  async start(agents): Promise<Fleet> {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const port = await freePort();
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    const place = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", dir];
    const hub = start(["redis-server", ...place, ...durable]);
    await hub.says(/Ready to accept connections/);
    const herds = newHerds((first, count) => {
      return [here("bullMqAgents.ts"), `${port}`, `${first}`, `${count}`];
    });
    const connection = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
    const queues: { queue: Queue; events: QueueEvents }[] = [];
    const grow = async (count: number) => {
      await herds.grow(count);
      while (queues.length < herds.count) {
        const name = `a${queues.length}`;
        const [queue, events] = [
          new Queue(name, { connection }),
          new QueueEvents(name, { connection }),
        ];
        await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
        queues.push({ queue, events });
      }
    };
    await grow(agents);
    const request = async (agent: number) => {
      const { queue, events } = queues[agent] as (typeof queues)[number];
      const job = await queue.add("ping", { command: "ping" });
      await job.waitUntilFinished(events, answerMs);
    };
    return {
      hub,
      grow,
      request,
      async fanOut() {
        await Promise.all(queues.map((_, agent) => request(agent)));
      },
      async stop() {
        await Promise.all(queues.flatMap(({ queue, events }) => [queue.close(), events.close()]));
        connection.disconnect();
        await herds.stop();
        await hub.stop();
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};
