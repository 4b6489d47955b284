/** The limit of live output: `pipe.ts COMMAND…`; a child's lines through one WebSocket to stdout. */
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";

const windowBytes = 4 * 1024 * 1024;
const [file = "", ...args] = process.argv.slice(2);
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null)),
  websocket: {
    backpressureLimit: 64 * 1024 * 1024,
    message() {},
    open(socket) {
      const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
      child.stdout.on("data", (bytes: Buffer) => {
        socket.send(bytes);
        if (socket.getBufferedAmount() > windowBytes) child.stdout.pause();
      });
      const timer = setInterval(() => child.stdout.resume(), 1);
      child.stdout.on("end", () => {
        clearInterval(timer);
        socket.close();
      });
    },
  },
});
const client = new WebSocket(`ws://127.0.0.1:${server.port}`);
client.binaryType = "arraybuffer";
client.addEventListener("message", ({ data }) => {
  const bytes = new Uint8Array(data as ArrayBuffer);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
});
client.addEventListener("close", () => process.exit(0));
