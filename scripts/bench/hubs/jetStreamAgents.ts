/** Agents of JetStream: `jetStreamAgents.ts PORT FIRST COUNT`; each has its own connection. */
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const [port = "", from = "0", count = "1"] = process.argv.slice(2);
for (let offset = 0; offset < Number(count); offset++) {
  const name = `a${Number(from) + offset}`;
  const connection = await connect({ port: Number(port) });
  const manager = await jetstreamManager(connection);
  await manager.consumers.add("commands", {
    durable_name: name,
    filter_subject: `commands.${name}`,
    ack_policy: AckPolicy.Explicit,
  });
  const stream = jetstream(connection);
  const consumer = await stream.consumers.get("commands", name);
  await consumer.consume({
    callback: (message) => {
      const { id } = message.json<{ id: number }>();
      const answer = JSON.stringify({ id, status: "success", message: "pong" });
      // The answer is stored before the command is done.
      void stream.publish("answers", answer).then(() => message.ack());
    },
  });
}
console.log("all open");
