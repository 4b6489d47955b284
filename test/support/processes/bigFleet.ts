/** A control plane of the binary with hundreds of agents, all in one process of their own. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../lib/client/client.ts";
import { adminToken } from "./cli.ts";
import {
  type Finished,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "./processes.ts";

export interface Member {
  id: string;
  /** Of the control plane. */
  labels?: Record<string, string>;
  /** What it says of itself. */
  hello?: { hostname?: string; os?: string; arch?: string; version?: string; labels?: object };
}

const tokensAtOnce = 50;

export class BigFleet implements AsyncDisposable {
  serving: Serving;
  readonly dataDir: string & Disposable;
  readonly agents: Running;
  readonly #args: string[];
  readonly #ran: string;

  private constructor(
    serving: Serving,
    dataDir: string & Disposable,
    args: string[],
    agents: Running,
  ) {
    this.serving = serving;
    this.dataDir = dataDir;
    this.#args = args;
    this.agents = agents;
    this.#ran = join(`${dataDir}`, "ran.txt");
  }

  /** With every member connected. */
  static async start(members: readonly Member[], args: string[] = []): Promise<BigFleet> {
    const dataDir = temporaryDir();
    const serving = await startServe({ dataDir, args });
    const told = await tokensFor(serving.url, `${dataDir}`, members);
    const file = join(`${dataDir}`, "members.jsonl");
    writeFileSync(file, told.map((each) => JSON.stringify(each)).join("\n"));
    const script = new URL("manyAgents.ts", import.meta.url).pathname;
    const url = `${serving.url.replace("http", "ws")}/agent`;
    const ran = join(`${dataDir}`, "ran.txt");
    const agents = new Running([process.execPath, script, url, file, ran]);
    await agents.logged(/all \d+ open/);
    return new BigFleet(serving, dataDir, args, agents);
  }

  get client(): Client {
    return new Client({ url: this.serving.url, token: adminToken(`${this.dataDir}`), fetch });
  }

  run(...words: string[]): Promise<Finished> {
    return wsctl([...words, "--data-dir", `${this.dataDir}`]);
  }

  /** Killed, and started again on the same port. */
  async restart(): Promise<void> {
    const { port } = this.serving;
    await this.serving.process.kill();
    this.serving = await startServe({ dataDir: this.dataDir, port, args: this.#args });
  }

  /** Every execution, as `id request_id`. */
  ran(): string[] {
    return existsSync(this.#ran) ? readFileSync(this.#ran, "utf8").trim().split("\n") : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agents[Symbol.asyncDispose]();
    await this.serving[Symbol.asyncDispose]();
    this.dataDir[Symbol.dispose]();
  }
}

/** `host-000` to as many as there are to be. */
export function membersOf(count: number, more: (index: number) => Omit<Member, "id"> = () => ({})) {
  return Array.from({ length: count }, (_, index): Member => {
    return { id: `host-${String(index).padStart(3, "0")}`, ...more(index) };
  });
}

async function tokensFor(url: string, dataDir: string, members: readonly Member[]) {
  const client = new Client({ url, token: adminToken(dataDir), fetch });
  const told: object[] = [];
  for (let first = 0; first < members.length; first += tokensAtOnce) {
    const made = members.slice(first, first + tokensAtOnce).map(async ({ id, labels, hello }) => {
      const order = { role: "agent", agent_id: id, ...(labels ? { labels } : {}) } as const;
      const { token } = await client.createToken(order);
      return { id, token, ...(hello ? { hello } : {}) };
    });
    told.push(...(await Promise.all(made)));
  }
  return told;
}
