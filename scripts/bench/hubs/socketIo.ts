import { io } from "socket.io-client";
import type { Contender, Fleet } from "../contenders.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;

export const socketIo: Contender = {
  name: "socket.io",
  missing: () => (Bun.which("node") === null ? "Node.js is not installed" : undefined),
  async start(agents): Promise<Fleet> {
    const hub = start(["node", here("socketIoHub.mjs")]);
    const [, port = ""] = await hub.says(/port (\d+)/);
    const herd = start([process.execPath, here("socketIoAgents.ts"), port, `${agents}`]);
    await herd.says(/all open/);
    const options = { transports: ["websocket"], auth: { id: "operator" }, forceNew: true };
    const socket = io(`http://127.0.0.1:${port}`, options);
    await new Promise<void>((resolve) => socket.on("connect", () => resolve()));
    const counting = new Map<number, () => void>();
    let fanOuts = 0;
    socket.on("answer", (number: number) => counting.get(number)?.());
    return {
      hub,
      request: (agent) =>
        new Promise((resolve) =>
          socket.emit("command", `a${agent}`, { command: "ping" }, () => resolve()),
        ),
      fanOut: () =>
        new Promise((resolve) => {
          const number = ++fanOuts;
          let left = agents;
          counting.set(number, () => {
            if (--left === 0) resolve();
          });
          socket.emit("all", { command: "ping" }, number);
        }),
      async stop() {
        socket.close();
        await herd.stop();
        await hub.stop();
      },
    };
  },
};
