/**
 * Many agents of the bare standard in one process: `herdAgents.ts URL TOKENS-FILE`. Each comes back
 * at a random moment when its connection ends. Says `all N open` whenever that has become so.
 */
import { readFileSync } from "node:fs";

const [url = "", file = ""] = process.argv.slice(2);
const tokens = readFileSync(file, "utf8").trim().split("\n");
const spreadMs = 5_000;
const heartbeatMs = 10_000;
const open = new Set<WebSocket>();

function heartbeat(): string {
  return JSON.stringify({ type: "heartbeat", timestamp: new Date().toISOString(), payload: {} });
}

function dial(token: string): void {
  const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
  socket.onopen = () => {
    open.add(socket);
    socket.send(heartbeat());
    if (open.size === tokens.length) process.stdout.write(`all ${open.size} open\n`);
  };
  socket.onclose = () => {
    open.delete(socket);
    setTimeout(() => dial(token), Math.random() * spreadMs);
  };
}

// The first coming is spread too: what is measured is the return.
for (const token of tokens) setTimeout(() => dial(token), Math.random() * spreadMs);
setInterval(() => {
  for (const socket of open) socket.send(heartbeat());
}, heartbeatMs);
