// A control plane written from the communication standard alone, with `ws` on Node.js.
// Usage: node foreignControl.mjs PORT [defaults]
// It speaks no subprotocol, but with `defaults` does as `ws` does unless told otherwise: it agrees
// to whatever the client offers. Every event is a line of JSON on stdout; a line on stdin is sent
// to the agent that connected last: {"text": …} as a text frame, {"binary": BASE64} as a binary one.
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const [port, mode] = process.argv.slice(2);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const options = mode === "defaults" ? {} : { handleProtocols: () => false };
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(port),
  path: "/agent",
  ...options,
});
let agent;

server.on("listening", () => tell({ event: "listening", port: server.address().port }));
server.on("connection", (socket, request) => {
  agent = socket;
  tell({ event: "connected", authorization: request.headers.authorization });
  socket.on("message", (data) => tell({ event: "received", text: data.toString() }));
  socket.on("close", (code, reason) => {
    tell({ event: "closed", code, reason: reason.toString() });
  });
  socket.on("error", () => {});
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const { text, binary } = JSON.parse(line);
  agent.send(text ?? Buffer.from(binary, "base64"));
});
