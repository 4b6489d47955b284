/** Several nodes of wsctl that are one control plane, on real NATS servers. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../../lib/client/client.ts";
import { NatsServers } from "../servers/nats.ts";
import type { HostsFrom } from "./bridgedHosts.ts";
import { adminToken, closedPort } from "./cli.ts";
import { type Flavour, Running, temporaryDir, wsctlCommand } from "./processes.ts";

/** NATS servers that were all killed need most of this to choose a leader of their own. */
const electionMs = 90_000;

export interface ClusterOptions {
  nodes?: number;
  natsServers?: number;
  /** Further lines of the configuration of each NATS server. */
  natsConfig?: string;
  flavours?: readonly Flavour[];
  /** The words that start wsctl, in place of those of the flavour. */
  command?: readonly string[];
  args?: readonly string[];
  /** Where the nodes run, and where the NATS servers, one on each; by default on this machine. */
  hosts?: HostsFrom;
  natsHosts?: HostsFrom;
  /** The environment of a node. */
  env?: (index: number) => Record<string, string>;
}

export class Cluster implements AsyncDisposable {
  readonly nats: NatsServers;
  readonly #dir: string & Disposable;
  readonly #ports: number[];
  readonly #options: ClusterOptions;
  readonly #nodes: Running[] = [];

  private constructor(
    dir: string & Disposable,
    nats: NatsServers,
    ports: number[],
    options: ClusterOptions,
  ) {
    this.#dir = dir;
    this.nats = nats;
    this.#ports = ports;
    this.#options = options;
  }

  /** Returns when one node leads and the others know it. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { nodes = 3, natsServers = 1, natsConfig, natsHosts } = options;
    const dir = temporaryDir();
    const nats = await NatsServers.start(
      join(`${dir}`, "nats"),
      natsServers,
      natsConfig,
      natsHosts,
    );
    const ports: number[] = [];
    for (let index = 0; index < nodes; index++) ports.push(await closedPort());
    const cluster = new Cluster(dir, nats, ports, options);
    for (let index = 0; index < nodes; index++) await cluster.startNode(index);
    await cluster.leader();
    return cluster;
  }

  path(name: string): string {
    return join(`${this.#dir}`, name);
  }

  dataDir(index: number): string {
    return this.path(`node-${index}`);
  }

  url(index: number): string {
    return `http://${this.#options.hosts?.address(index) ?? "127.0.0.1"}:${this.#ports[index]}`;
  }

  get indexes(): number[] {
    return this.#ports.map((_, index) => index);
  }

  node(index: number): Running {
    const found = this.#nodes[index];
    if (found === undefined) throw new Error(`no node ${index} has been started`);
    return found;
  }

  /** @param command The words that start wsctl, in place of those of all nodes. */
  async startNode(index: number, command = this.#options.command): Promise<Running> {
    const { flavours = [], args = [], hosts, env } = this.#options;
    const program = command ?? wsctlCommand(flavours[index] ?? "binary");
    const words = [...(hosts?.on(index) ?? []), ...program];
    const reached =
      hosts === undefined ? [] : ["--host", hosts.address(index), "--insecure-plaintext"];
    const line = [
      ...[...words, "serve", "--port", `${this.#ports[index]}`, "--data-dir", this.dataDir(index)],
      ...["--cluster", this.nats.urls, "--cluster-node", `n${index}`, "--cluster-accept-unsynced"],
      ...["--log-level", "debug", "--heartbeat", "1s", ...reached, ...args],
    ];
    const node = new Running(line, env === undefined ? {} : { env: env(index) });
    this.#nodes[index] = node;
    await node.logged(/serving on/);
    return node;
  }

  /** The index of the node that leads, as soon as one does and answers. */
  async leader(except?: number): Promise<number> {
    for (const until = Date.now() + electionMs; Date.now() < until; ) {
      for (const index of this.indexes) {
        if (index === except || this.#nodes[index]?.hasExited !== false) continue;
        const state = await this.ready(index);
        if (state?.status === "ready" && state.role === undefined) return index;
      }
      await pause(50);
    }
    throw new Error(`no node leads:\n${this.tail()}`);
  }

  async ready(
    index: number,
  ): Promise<{ status: string; role?: string; leader?: string } | undefined> {
    try {
      const signal = AbortSignal.timeout(1_000);
      return (await (await fetch(`${this.url(index)}/readyz`, { signal })).json()) as never;
    } catch {
      return undefined;
    }
  }

  /** Returns when every node is ready, and the list of nodes has all of them. */
  async complete(): Promise<void> {
    for (const index of this.indexes) {
      while ((await this.ready(index))?.status !== "ready") await pause(50);
    }
    const leader = await this.leader();
    while ((await this.client(leader).cluster()).nodes.length < this.indexes.length)
      await pause(50);
  }

  /** An operator at one of the nodes. The token is the one of the first leader. */
  client(index: number): Client {
    return new Client({ url: this.url(index), token: this.token, fetch });
  }

  get token(): string {
    for (const index of this.indexes) {
      try {
        return adminToken(this.dataDir(index));
      } catch {} // This node has not led yet.
    }
    throw new Error("no node has led");
  }

  tail(lines = 15): string {
    return this.#nodes
      .map((node, index) => `n${index}\n${node.lines.slice(-lines).join("\n")}`)
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.nats[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }
}
