/** Agents of NATS: `natsAgents.ts PORT FIRST COUNT`; each has its own connection. */
import { connect } from "@nats-io/transport-node";

const [port = "", from = "0", count = "1"] = process.argv.slice(2);
const text = JSON.stringify({ status: "success", message: "pong" });
const atOnce = 50;
for (let first = 0; first < Number(count); first += atOnce) {
  const more = Math.min(atOnce, Number(count) - first);
  await Promise.all(
    Array.from({ length: more }, async (_, offset) => {
      const connection = await connect({ port: Number(port) });
      const answer = (
        _error: unknown,
        message: { json(): unknown; respond(text: string): boolean },
      ) => {
        message.json();
        message.respond(text);
      };
      connection.subscribe(`agents.a${Number(from) + first + offset}`, { callback: answer });
      connection.subscribe("agents.all", { callback: answer });
      await connection.flush();
    }),
  );
}
console.log("all open");
