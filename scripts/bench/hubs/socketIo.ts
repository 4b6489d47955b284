import { io } from "socket.io-client";
import type { Contender, Fleet } from "../contenders.ts";
import { newHerds } from "../herds.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;

export const socketIo: Contender = {
  name: "socket.io",
  missing: () => (Bun.which("node") === null ? "Node.js is not installed" : undefined),
  async start(agents): Promise<Fleet> {
    const hub = start(["node", here("socketIoHub.mjs")]);
    const [, port = ""] = await hub.says(/port (\d+)/);
    const script = here("socketIoAgents.ts");
    const herds = newHerds((first, count) => [script, port, `${first}`, `${count}`]);
    await herds.grow(agents);
    const options = { transports: ["websocket"], auth: { id: "operator" }, forceNew: true };
    const socket = io(`http://127.0.0.1:${port}`, options);
    await new Promise<void>((resolve) => socket.on("connect", () => resolve()));
    const counting = new Map<number, () => void>();
    let fanOuts = 0;
    socket.on("answer", (number: number) => counting.get(number)?.());
    return {
      hub,
      grow: herds.grow,
      request: (agent) =>
        new Promise((resolve) =>
          socket.emit("command", `a${agent}`, { command: "ping" }, () => resolve()),
        ),
      fanOut: () =>
        new Promise((resolve) => {
          const number = ++fanOuts;
          let left = herds.count;
          counting.set(number, () => {
            if (--left === 0) resolve();
          });
          socket.emit("all", { command: "ping" }, number);
        }),
      async stop() {
        socket.close();
        await herds.stop();
        await hub.stop();
      },
    };
  },
};
