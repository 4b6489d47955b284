import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender, Fleet } from "../contenders.ts";
import { start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const root = new URL("../../../", import.meta.url).pathname;
/** A directory: the control plane runs from its sources and leaves a CPU profile of itself there. */
const profileDir = process.env.WSCTL_BENCH_PROFILE;
const profiled = ["--cpu-prof", "--cpu-prof-dir", profileDir ?? "", join(root, "cmd/wsctl.ts")];
const command =
  profileDir === undefined ? [join(root, "dist/wsctl")] : [process.execPath, ...profiled];
const tokensAtOnce = 50;

/** The whole product: HTTP API, tokens, validation, SQLite with synchronous FULL, audit. */
export const wsctl: Contender = {
  name: "wsctl",
  missing: () => undefined,
  async start(agents): Promise<Fleet> {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const args = ["serve", "--port", "0", "--data-dir", dir, "--log-level", "info"];
    const hub = start([...command, ...args]);
    await hub.says(/serving on/);
    const local = JSON.parse(readFileSync(join(dir, "local.json"), "utf8"));
    const { url, token } = local as { url: string; token: string };
    const headers = {
      Authorization: `Bearer ${token}`,
      Accept: "application/x-ndjson",
      "Content-Type": "application/json",
    };
    const post = async (path: string, body: object): Promise<string> => {
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const response = await fetch(`${url}${path}`, init);
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return text;
    };
    const ids = Array.from({ length: agents }, (_, index) => `a${index}`);
    const tokens: string[] = [];
    for (let first = 0; first < agents; first += tokensAtOnce) {
      const made = ids.slice(first, first + tokensAtOnce).map(async (agent_id) => {
        const answer = await post("/api/v1/tokens", { role: "agent", agent_id });
        return (JSON.parse(answer) as { token: string }).token;
      });
      tokens.push(...(await Promise.all(made)));
    }
    const file = join(dir, "tokens");
    writeFileSync(file, tokens.join("\n"));
    const agentUrl = `${url.replace("http", "ws")}/agent`;
    const herd = start([process.execPath, here("wsctlAgents.ts"), agentUrl, file]);
    await herd.says(/all open/);
    const ask = async (target: object) => {
      const text = await post("/api/v1/jobs", { command: "ping", target });
      const outcomes = text.split("\n").filter((line) => line.includes('"outcome":"success"'));
      return outcomes.length;
    };
    return {
      hub,
      async request(agent) {
        if ((await ask({ agents: [`a${agent}`] })) !== 1) throw new Error("no success");
      },
      async fanOut() {
        const count = await ask({ all: true });
        if (count !== agents) throw new Error(`${count} of ${agents} succeeded`);
      },
      async stop() {
        await herd.stop();
        await hub.stop(profileDir === undefined ? "SIGKILL" : "SIGTERM");
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};
