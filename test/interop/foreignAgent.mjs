// An agent written from the communication standard alone, with `ws` on Node.js. It knows `echo` and
// `fail`. Usage: TOKEN=… node foreignAgent.mjs ws://HOST:PORT/agent [mute]
// Every event is a line of JSON on stdout; a line {"text": …} on stdin is sent as it is.
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const [url, mode] = process.argv.slice(2);
const heartbeatMs = 500;

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const socket = new WebSocket(url, {
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});

const send = (type, payload, request_id) => {
  const timestamp = new Date().toISOString();
  socket.send(JSON.stringify({ type, request_id, timestamp, payload }));
};

const answer = ({ request_id, payload }) => {
  const { command, parameters } = payload;
  if (command === "echo") {
    const message = JSON.stringify(parameters ?? {});
    send("response", { status: "success", message }, request_id);
  } else if (command === "fail") {
    send("response", { status: "failed", message: "it did not work" }, request_id);
  } else {
    const message = `The command '${command}' is not recognized.`;
    send("error", { code: "INVALID_COMMAND", message }, request_id);
  }
};

socket.on("open", () => {
  tell({ event: "connected", protocol: socket.protocol });
  send("heartbeat", {});
  send("status_update", { cpu_usage: "30%", memory_usage: "1.5GB" });
  setInterval(() => send("heartbeat", {}), heartbeatMs);
});
socket.on("message", (data) => {
  const text = data.toString();
  tell({ event: "received", text });
  const message = JSON.parse(text);
  if (message.type === "command" && mode !== "mute") answer(message);
});
socket.on("close", (code, reason) => {
  tell({ event: "closed", code, reason: reason.toString() });
  process.exit(0);
});
socket.on("error", (error) => tell({ event: "error", text: error.message }));

createInterface({ input: process.stdin }).on("line", (line) => socket.send(JSON.parse(line).text));
