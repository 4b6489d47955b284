/** The whole product over one operator session: what row 1 measures, and the same promises. */
import type { SessionMessage } from "../../../lib/protocol/api/session.ts";
import { clientSubprotocol } from "../../../lib/protocol/wire/version.ts";
import type { Contender, Fleet } from "../contenders.ts";
import { startWsctl } from "./wsctl.ts";

export const wsctlSession: Contender = {
  name: "wsctl, one session",
  missing: () => undefined,
  async start(agents): Promise<Fleet> {
    const fleet = await startWsctl(agents);
    const { url, token } = fleet;
    const socket = new WebSocket(`${url.replace("http", "ws")}/api/v1/session`, {
      protocols: [clientSubprotocol],
      headers: { Authorization: `Bearer ${token}` },
    } as Bun.WebSocketOptions);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    const waiting = new Map<string, (message: SessionMessage) => void>();
    let refs = 0;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as SessionMessage;
      waiting.get(message.ref ?? "")?.(message);
    };
    const ask = (target: { agents?: string[]; all?: true }) =>
      new Promise<number>((resolve, reject) => {
        const ref = `${++refs}`;
        let succeeded = 0;
        waiting.set(ref, (message) => {
          if (message.type === "accepted") return;
          if (message.type !== "lines") return reject(new Error(JSON.stringify(message)));
          for (const line of message.lines) {
            if ("outcome" in line && line.outcome === "success") succeeded++;
          }
          if (message.ended !== true) return;
          waiting.delete(ref);
          resolve(succeeded);
        });
        // As much as all outcomes of the largest fleet.
        const credit = 16 * 1024 * 1024;
        const job = { command: "ping", target };
        socket.send(JSON.stringify({ type: "submit", ref, job, credit }));
      });
    return {
      get hub() {
        return fleet.hub;
      },
      grow: fleet.grow,
      async request(agent) {
        if ((await ask({ agents: [`a${agent}`] })) !== 1) throw new Error("no success");
      },
      async fanOut() {
        await ask({ all: true });
      },
      async stop() {
        socket.close();
        await fleet.stop();
      },
    };
  },
};
