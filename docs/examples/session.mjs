// Pings each agent many times, all over one connection.
import { createClient } from "wsctl/client";

const client = createClient({ server: process.env.WSCTL_SERVER, token: process.env.WSCTL_TOKEN });
const [, , count, ...agents] = process.argv;

const session = await client.session();
const outcomes = {};
await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const target = { agents: [agents[index % agents.length]] };
    const { lines } = await session.send({ command: "ping", target });
    for await (const { outcome } of lines) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }),
);
await session.close();
console.log(JSON.stringify(outcomes));
process.exitCode = outcomes.success === Number(count) ? 0 : 1;
