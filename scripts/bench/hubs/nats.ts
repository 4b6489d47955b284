import { connect } from "@nats-io/transport-node";
import type { Contender, Fleet } from "../contenders.ts";
import { newHerds } from "../herds.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const answerMs = 60_000;

/** Core request and reply: nothing is kept. */
export const nats: Contender = {
  name: "NATS core",
  missing: () => (Bun.which("nats-server") === null ? "nats-server is not installed" : undefined),
  async start(agents): Promise<Fleet> {
    const hub = start(["nats-server", "-a", "127.0.0.1", "-p", "-1"]);
    const [, port = ""] = await hub.says(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
    await hub.says(/Server is ready/);
    const herds = newHerds((first, count) => [here("natsAgents.ts"), port, `${first}`, `${count}`]);
    await herds.grow(agents);
    const connection = await connect({ port: Number(port) });
    const command = JSON.stringify({ command: "ping" });
    return {
      hub,
      grow: herds.grow,
      async request(agent) {
        (await connection.request(`agents.a${agent}`, command, { timeout: answerMs })).json();
      },
      async fanOut() {
        const options = { strategy: "count", maxMessages: herds.count, maxWait: answerMs } as const;
        for await (const answer of await connection.requestMany("agents.all", command, options)) {
          answer.json();
        }
      },
      async stop() {
        await connection.close();
        await herds.stop();
        await hub.stop();
      },
    };
  },
};
