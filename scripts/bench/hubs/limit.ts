import type { Contender, Fleet } from "../contenders.ts";
import { newHerds } from "../herds.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;

export const limit: Contender = {
  name: "limit",
  missing: () => undefined,
  async start(agents): Promise<Fleet> {
    const hub = start([process.execPath, here("limitHub.ts")]);
    const [, port = ""] = await hub.says(/port (\d+)/);
    const url = `ws://127.0.0.1:${port}`;
    const herds = newHerds((first, count) => [here("limitAgents.ts"), url, `${first}`, `${count}`]);
    await herds.grow(agents);
    const socket = new WebSocket(`${url}/operator`);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const waiting = new Map<number, () => void>();
    let ids = 0;
    socket.onmessage = ({ data }) => {
      const { id } = JSON.parse(String(data)) as { id: number };
      waiting.get(id)?.();
    };
    return {
      hub,
      grow: herds.grow,
      request: (agent) =>
        new Promise((resolve) => {
          const id = ++ids;
          waiting.set(id, () => {
            waiting.delete(id);
            resolve();
          });
          socket.send(JSON.stringify({ id, to: `a${agent}`, command: "ping" }));
        }),
      fanOut: () =>
        new Promise((resolve) => {
          const id = ++ids;
          let left = herds.count;
          waiting.set(id, () => {
            if (--left > 0) return;
            waiting.delete(id);
            resolve();
          });
          socket.send(JSON.stringify({ id, all: true, command: "ping" }));
        }),
      async stop() {
        socket.close();
        await herds.stop();
        await hub.stop();
      },
    };
  },
};
