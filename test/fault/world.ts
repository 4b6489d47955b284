/**
 * One control plane, its agents and its operators, on the test binary, all through one proxy; any
 * of them can be killed and come back. In the end everything that was said and done is checked.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../lib/client/client.ts";
import { isOutput } from "../../lib/client/streamCursor.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import type { AcceptedLine, OutcomeLine } from "../../lib/protocol/api/views.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { adminToken } from "../support/processes/cli.ts";
import type { Cluster } from "../support/processes/cluster.ts";
import {
  type Finished,
  Running,
  temporaryDir,
  wsctlCommand,
} from "../support/processes/processes.ts";
import { type Checked, check, OperatorLog } from "./checker.ts";
import { FaultProxy } from "./faultProxy.ts";
import { tail } from "./waits.ts";

export const testBinary = `${wsctlCommand("binary")[0]}-test`;

export interface WorldOptions {
  heartbeat?: string;
  agents?: string[];
  /** Where the control plane keeps its data; by default in the world's own directory. */
  dataDir?: string;
  serveArgs?: string[];
  /** Several nodes in place of one control plane. The caller starts and stops them. */
  cluster?: Cluster;
}

export interface Wish {
  waitMs?: number;
  status?: "success" | "failed";
  ttl?: number;
  timeout?: number;
}

export class World implements AsyncDisposable {
  readonly log = new OperatorLog();
  readonly dataDir: string;
  readonly ranFile: string;
  readonly proxy: FaultProxy;
  controlPort = 0;
  #controlHost = "127.0.0.1";
  readonly #agents = new Map<string, Running>();
  readonly #dir = temporaryDir();
  readonly #serveArgs: string[];
  readonly #cluster: Cluster | undefined;
  #control: Running | undefined;
  #sent = 0;

  private constructor(options: WorldOptions, proxy: FaultProxy) {
    this.proxy = proxy;
    this.dataDir = options.dataDir ?? this.path("control");
    this.#cluster = options.cluster;
    this.ranFile = this.path("ran.txt");
    this.#serveArgs = ["--heartbeat", options.heartbeat ?? "15s", ...(options.serveArgs ?? [])];
  }

  /** With the control plane up and every agent connected. */
  static async start(options: WorldOptions = {}): Promise<World> {
    const world = new World(options, await FaultProxy.start());
    if (options.cluster === undefined) await world.serve();
    else world.enterAt(await options.cluster.leader());
    for (const id of options.agents ?? ["web-1"]) await world.addAgent(id);
    return world;
  }

  path(name: string): string {
    return join(`${this.#dir}`, name);
  }

  get control(): Running {
    if (this.#control === undefined) throw new Error("no control plane has been started");
    return this.#control;
  }

  /** Past the proxy. */
  get controlUrl(): string {
    return `http://${this.#controlHost}:${this.controlPort}`;
  }

  /** Leads the proxy to a node of the cluster. */
  enterAt(index: number): void {
    const url = new URL(this.#cluster?.url(index) ?? "");
    this.#controlHost = url.hostname;
    this.controlPort = Number(url.port);
    this.proxy.pointAt(this.controlPort, url.hostname);
  }

  agent(id: string): Running {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new Error(`no agent ${id} has been started`);
    return agent;
  }

  get client(): Client {
    return this.clientAt(`http://127.0.0.1:${this.proxy.port}`);
  }

  /** An operator that goes past the proxy. */
  get nearClient(): Client {
    return this.clientAt(this.controlUrl);
  }

  clientAt(url: string): Client {
    return new Client({ url, token: this.#adminToken, fetch });
  }

  /** Starts a control plane, by default on a free port, and leads the proxy there. */
  async serve(failpoint?: string, port = 0): Promise<Running> {
    const args = ["serve", "--port", `${port}`, "--data-dir", this.dataDir];
    this.#control = new Running([testBinary, ...args, "--log-level", "debug", ...this.#serveArgs], {
      env: environment(failpoint),
    });
    const [, url = ""] = await this.#control.logged(/serving on (\S+)/);
    this.controlPort = Number(new URL(url).port);
    this.proxy.pointAt(this.controlPort);
    return this.#control;
  }

  /** An agent that is new to the control plane; answers when it is connected. */
  async addAgent(id: string): Promise<void> {
    await this.register(id);
    await this.startAgent(id).logged(/ connected/);
  }

  /** Gives an agent a token, by which the control plane knows it; it need not ever come. */
  async register(id: string): Promise<void> {
    const { token } = await this.nearClient.createToken({ role: "agent", agent_id: id });
    writeFileSync(this.path(`${id}.token`), token);
  }

  startAgent(id: string, failpoint?: string, dataDir = this.path(`data-of-${id}`)): Running {
    const agent = new Running(
      [
        ...[testBinary, "agent", "--id", id, "--data-dir", dataDir, "--log-level", "debug"],
        ...["--server", `ws://127.0.0.1:${this.proxy.port}`],
        ...["--token-file", this.path(`${id}.token`)],
      ],
      { env: environment(failpoint) },
    );
    this.#agents.set(id, agent);
    return agent;
  }

  orderOf(agent: string, wish: Wish = {}): JobRequestInput & { line: string } {
    const { waitMs = 0, status = "success", ttl = 60, timeout = 3 } = wish;
    const line = `${agent}-${++this.#sent}`;
    return {
      line,
      command: "append",
      parameters: { file: this.ranFile, line, wait_ms: waitMs, status },
      target: { agents: [agent] },
      timeout_seconds: timeout,
      ttl_seconds: ttl,
    };
  }

  /** Asks for a line to be appended, waits for the outcome, and remembers all that was said. */
  async send(agent: string, wish: Wish = {}, client = this.client): Promise<string> {
    const { line, ...order } = this.orderOf(agent, wish);
    let outcome = "nothing";
    let isAccepted = false;
    try {
      const sent = await client.send(order);
      isAccepted = true;
      this.log.tellAccepted(sent.accepted);
      for await (const told of sent.lines) {
        if (isOutput(told)) continue;
        this.log.outcomes.push(told);
        outcome = told.code === undefined ? told.outcome : `${told.outcome} ${told.code}`;
      }
    } catch (error) {
      if (!(error instanceof WsctlError)) throw error;
      outcome = `refused ${error.code}`;
      // In these cases it is not known whether the job arrived, or it is known that it did.
      const isUnknown = error.code === "UNREACHABLE" || error.code === "UNCONFIRMED";
      if (!isUnknown && !isAccepted) this.log.refused.push({ line, code: error.code });
    }
    return outcome;
  }

  /** The same by the command line's own process. */
  async sendByCli(agent: string, wish: Wish = {}, more: string[] = []): Promise<Finished> {
    const order = this.orderOf(agent, wish);
    const finished = await runTestBinary([
      ...["send", "append", "--agent", agent, "--params", JSON.stringify(order.parameters)],
      ...["--timeout", `${order.timeout_seconds}s`, "--ttl", `${order.ttl_seconds}s`],
      ...["--server", `http://127.0.0.1:${this.proxy.port}`, "--json", ...more],
      ...["--token-file", this.#adminTokenFile()],
    ]);
    for (const text of finished.stdout.split("\n").slice(0, -1)) {
      const said = JSON.parse(text) as OutcomeLine | { job_id: string; requests: [] };
      if ("outcome" in said) {
        this.log.outcomes.push(said);
        this.log.accepted.push({ jobId: said.job_id, requestIds: [said.request_id] });
      } else this.log.tellAccepted({ job: said, requests: said.requests } as never as AcceptedLine);
    }
    return finished;
  }

  /** Whether this agent's log says that it is connected. */
  isConnected(id: string): boolean {
    const last = this.agent(id).lines.findLast((line) =>
      / connected|connection lost|cannot connect/.test(line),
    );
    return last !== undefined && / connected/.test(last);
  }

  /** Ends everything in order and compares what was said, written and done. */
  async finish(): Promise<Checked> {
    if (this.#cluster !== undefined) return this.#finishCluster(this.#cluster);
    const status = await this.control.stop();
    if (status !== 0) throw new Error(`serve ended with ${status}:\n${tail(this.control)}`);
    for (const agent of this.#agents.values()) await agent.kill();
    return check(this);
  }

  /** Any copy must be whole: they are compared, and the evidence is checked with one of them. */
  async #finishCluster(cluster: Cluster): Promise<Checked> {
    const leader = await cluster.leader();
    for (const agent of this.#agents.values()) await agent.kill();
    for (const index of cluster.indexes.filter((each) => each !== leader)) {
      const status = await cluster.node(index).stop();
      if (status !== 0) throw new Error(`n${index} ended with ${status}:\n${cluster.tail()}`);
    }
    const status = await cluster.node(leader).stop();
    if (status !== 0) throw new Error(`n${leader} ended with ${status}:\n${cluster.tail()}`);
    return check({ log: this.log, ranFile: this.ranFile, dataDir: cluster.dataDir(leader) });
  }

  get #adminToken(): string {
    return this.#cluster?.token ?? adminToken(this.dataDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) await agent[Symbol.asyncDispose]();
    await this.#control?.[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }

  #adminTokenFile(): string {
    const file = this.path("admin.token");
    writeFileSync(file, this.#adminToken);
    return file;
  }
}

/** Runs one command of the test binary, or of another, to its end. */
export function runTestBinary(args: string[], binary = testBinary): Promise<Finished> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(binary, args, {
    cwd: tmpdir(),
    env: { PATH, HOME, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

function environment(failpoint: string | undefined): Record<string, string> {
  return failpoint === undefined ? {} : { WSCTL_FAILPOINT: failpoint };
}
