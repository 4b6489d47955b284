import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LocalCredentials } from "../../../lib/protocol/api/localCredentials.ts";
import type { Contender, Fleet } from "../contenders.ts";
import { newHerds } from "../herds.ts";
import { type Running, start } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const root = new URL("../../../", import.meta.url).pathname;
/** A directory: the control plane runs from its sources and leaves a CPU profile of itself there. */
const profileDir = process.env.WSCTL_BENCH_PROFILE;
const profiled = ["--cpu-prof", "--cpu-prof-dir", profileDir ?? "", join(root, "cmd/wsctl.ts")];
export const wsctlCommand =
  profileDir === undefined ? [join(root, "dist/wsctl")] : [process.execPath, ...profiled];
const tokensAtOnce = 50;
/** A handshake takes its time on their side too: one thread for all would be what is measured. */
const tlsHerdAgents = 2_000;

export interface WsctlOptions {
  isTls?: boolean;
  /** Instead of a fresh data directory, which is removed in the end. */
  dataDir?: string;
  /** Instead of the binary in `dist`. */
  command?: string[];
  env?: Record<string, string>;
}

/** A fleet that can do more than others: lose its control plane, and ask for anything. */
export interface WsctlFleet extends Fleet {
  /** Kills the control plane, and starts it again at the same address. */
  restart(): Promise<void>;
  /** All agents are connected again. */
  whole(): Promise<void>;
  url: string;
  token: string;
  post(path: string, body: object): Promise<string>;
  get(path: string): Promise<string>;
}

/** The whole product: HTTP API, tokens, validation, a synced log, audit. */
export const wsctl: Contender = {
  name: "wsctl",
  missing: () => undefined,
  start: (agents) => startWsctl(agents),
};

export async function startWsctl(agents: number, options: WsctlOptions = {}): Promise<WsctlFleet> {
  const { isTls = false, command = wsctlCommand, env = {} } = options;
  const dir = options.dataDir ?? mkdtempSync(join(tmpdir(), "wsctl-bench-"));
  const serve = async (port: string): Promise<Running> => {
    const tls = isTls ? ["--tls", "on"] : [];
    const keep = ["--job-retention", "4000d", "--job-retention-max", "100000000"];
    const args = ["serve", "--port", port, "--data-dir", dir, ...tls, ...keep];
    const hub = start([...command, ...args], env);
    await hub.says(/serving on/);
    return hub;
  };
  let hub = await serve("0");
  const local: LocalCredentials = JSON.parse(readFileSync(join(dir, "local.json"), "utf8"));
  const { url, token, ca } = local;
  const caFile = join(dir, "ca.pem");
  if (ca !== undefined) writeFileSync(caFile, ca);
  const trust = ca === undefined ? {} : { tls: { ca } };
  const headers = {
    Authorization: `Bearer ${token}`,
    Accept: "application/x-ndjson",
    "Content-Type": "application/json",
  };
  const call = async (path: string, init: RequestInit): Promise<string> => {
    const response = await fetch(`${url}${path}`, { ...init, headers, ...trust });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  };
  const post = (path: string, body: object) =>
    call(path, { method: "POST", body: JSON.stringify(body) });
  const ask = async (target: object) => {
    const text = await post("/api/v1/jobs", { command: "ping", target });
    return text.split("\n").filter((line) => line.includes('"outcome":"success"')).length;
  };
  const agentUrl = `${url.replace("http", "ws")}/agent`;
  const file = (first: number) => join(dir, `tokens-${first}`);
  const trusted = ca === undefined ? [] : [caFile];
  const herds = newHerds((first) => [here("wsctlAgents.ts"), agentUrl, file(first), ...trusted]);
  const grow = async (count: number) => {
    const ids = Array.from({ length: count }, (_, index) => `a${herds.count + index}`);
    writeFileSync(file(herds.count), (await tokensFor(ids, post)).join("\n"));
    await herds.grow(count);
  };
  const growAll = async (count: number) => {
    const atOnce = isTls ? tlsHerdAgents : count;
    for (let left = count; left > 0; left -= atOnce) await grow(Math.min(left, atOnce));
  };
  if (agents > 0) await growAll(agents);
  return {
    get hub() {
      return hub;
    },
    ...{ url, token, grow: growAll, post },
    // As another process each time: what was open before a restart is of no use.
    get: (path) => call(path, { keepalive: false }),
    async request(agent) {
      if ((await ask({ agents: [`a${agent}`] })) !== 1) throw new Error("no success");
    },
    async fanOut() {
      const count = await ask({ all: true });
      if (count !== herds.count) throw new Error(`${count} of ${herds.count} succeeded`);
    },
    async restart() {
      await hub.stop("SIGKILL");
      hub = await serve(new URL(url).port);
    },
    whole: () => herds.whole(),
    async stop() {
      await herds.stop();
      await hub.stop(profileDir === undefined ? "SIGKILL" : "SIGTERM");
      if (options.dataDir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function tokensFor(
  ids: readonly string[],
  post: (path: string, body: object) => Promise<string>,
): Promise<string[]> {
  const tokens: string[] = [];
  for (let first = 0; first < ids.length; first += tokensAtOnce) {
    const made = ids.slice(first, first + tokensAtOnce).map(async (agent_id) => {
      const answer = await post("/api/v1/tokens", { role: "agent", agent_id });
      return (JSON.parse(answer) as { token: string }).token;
    });
    tokens.push(...(await Promise.all(made)));
  }
  return tokens;
}
