import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Contender, Fleet } from "../contenders.ts";
import { newHerds } from "../herds.ts";
import { start } from "../processes.ts";
import { nats } from "./nats.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;

/**
 * A stream on disk for the commands, with a consumer for each agent, and one for the answers. The
 * server acknowledges what it has written, and syncs it every two minutes, as it does by default.
 */
export const jetStream: Contender = {
  name: "JetStream",
  missing: nats.missing,
  async start(agents): Promise<Fleet> {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const hub = start(["nats-server", "-js", "-sd", dir, "-a", "127.0.0.1", "-p", "-1"]);
    const [, port = ""] = await hub.says(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
    await hub.says(/Server is ready/);
    const connection = await connect({ port: Number(port) });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: "commands", subjects: ["commands.*"] });
    await manager.streams.add({ name: "answers", subjects: ["answers"] });
    const herds = newHerds((first, count) => {
      return [here("jetStreamAgents.ts"), port, `${first}`, `${count}`];
    });
    await herds.grow(agents);
    const stream = jetstream(connection);
    await manager.consumers.add("answers", {
      durable_name: "operator",
      ack_policy: AckPolicy.None,
    });
    const waiting = new Map<number, () => void>();
    const consumer = await stream.consumers.get("answers", "operator");
    const answers = await consumer.consume({
      max_messages: 1_000,
      callback: (message) => {
        const { id } = message.json<{ id: number }>();
        waiting.get(id)?.();
        waiting.delete(id);
      },
    });
    let lastId = 0;
    const request = async (agent: number) => {
      const id = ++lastId;
      const answered = new Promise<void>((resolve) => waiting.set(id, resolve));
      await stream.publish(`commands.a${agent}`, JSON.stringify({ id, command: "ping" }));
      await answered;
    };
    return {
      hub,
      grow: herds.grow,
      request,
      async fanOut() {
        await Promise.all(Array.from({ length: herds.count }, (_, agent) => request(agent)));
      },
      async stop() {
        await answers.close();
        await connection.close();
        await herds.stop();
        await hub.stop();
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};
