/** More agents than there are file descriptors: some are kept back, and the API goes on answering. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Client } from "../../lib/client/client.ts";
import { adminToken } from "../support/processes/cli.ts";
import {
  type Flavour,
  Running,
  temporaryDir,
  wsctlCommand,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const limit = 128;

/** What the server says to somebody who wants to be connected as an agent. */
async function refusal(url: string, token: string): Promise<IncomingMessage> {
  const asked = request(`${url}/agent`, {
    headers: {
      ...{ Connection: "Upgrade", Upgrade: "websocket", Authorization: `Bearer ${token}` },
      ...{ "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
    },
  });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  return answer;
}

async function connected(url: string, token: string): Promise<WebSocket | undefined> {
  const init = { headers: { Authorization: `Bearer ${token}` } };
  const socket = new WebSocket(`${url.replace("http", "ws")}/agent`, init as never);
  return new Promise((resolve) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("close", () => resolve(undefined));
    socket.addEventListener("error", () => resolve(undefined));
  });
}

describe.each<Flavour>(["binary", "deno"])(
  "descriptors: near the limit, a control plane on %s refuses agents with 503",
  (flavour) => {
    test("near its limit of descriptors a control plane refuses agents by 503 and answers the API", async () => {
      using dir = temporaryDir();
      const args = ["serve", "--port", "0", "--data-dir", `${dir}`];
      const prefix = ["prlimit", `--nofile=${limit}:${limit}`];
      await using serve = new Running([...prefix, ...wsctlCommand(flavour), ...args]);
      await serve.logged(/The limit of open files is 128/);
      const [, url = ""] = await serve.logged(/serving on (\S+)/);
      const client = new Client({ url, token: adminToken(dir), fetch });
      const sockets: WebSocket[] = [];
      let last = "";
      while (sockets.length < limit) {
        const order = { role: "agent", agent_id: `a-${sockets.length}` } as const;
        last = (await client.createToken(order)).token;
        const socket = await connected(url, last);
        if (socket === undefined) break;
        sockets.push(socket);
      }
      expect(sockets.length).toBeGreaterThan(limit / 3);
      expect(sockets.length).toBeLessThan(limit);
      const refused = await refusal(url, last);
      expect(refused.statusCode).toBe(503);
      expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
      await serve.logged(/of 128 file descriptors are in use/);
      expect(await client.agents({})).toHaveLength(sockets.length + 1);
      for (const socket of sockets) socket.close();
      await serve.logged(/file descriptors available again/);
      expect((await connected(url, last))?.readyState).toBe(WebSocket.OPEN);
    });
  },
);
