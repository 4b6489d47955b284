/** Real NATS servers with JetStream: one, or a cluster whose servers can be killed one by one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostsFrom } from "../processes/bridgedHosts.ts";
import { closedPort } from "../processes/cli.ts";
import { Running } from "../processes/processes.ts";

/** Why there is no such server here. */
export const natsMissing = Bun.which("nats-server") === null ? "nats-server is missing" : undefined;

/**
 * Why these servers must not be parted from each other: 2.9.10 was seen to replace entries that it
 * had acknowledged when one of three came back. The nodes notice, and stop.
 */
export function partitionFault(): string | undefined {
  if (natsMissing !== undefined) return natsMissing;
  if (process.env.WSCTL_FAULT_PARTITIONS === "1") return undefined;
  const { stdout } = Bun.spawnSync(["nats-server", "--version"]);
  const [, major = "0", minor = "0"] = /v?(\d+)\.(\d+)/.exec(stdout.toString()) ?? [];
  const isOld = Number(major) < 2 || (Number(major) === 2 && Number(minor) < 10);
  return isOld ? `nats-server ${major}.${minor} loses entries when it is parted` : undefined;
}

interface NatsPorts {
  client: number;
  route: number;
}

export class NatsServers implements AsyncDisposable {
  readonly #dir: string;
  readonly #ports: NatsPorts[];
  readonly #extra: string;
  readonly #hosts: HostsFrom | undefined;
  readonly #running: Running[] = [];

  private constructor(dir: string, ports: NatsPorts[], extra: string, hosts?: HostsFrom) {
    this.#dir = dir;
    this.#hosts = hosts;
    this.#ports = ports;
    this.#extra = extra;
  }

  /**
   * @param extra further lines of the configuration of each server
   * @param hosts where they run, one on each; by default on this machine
   */
  static async start(
    dir: string,
    count: number,
    extra = "",
    hosts?: HostsFrom,
  ): Promise<NatsServers> {
    const ports: NatsPorts[] = [];
    for (let index = 0; index < count; index++) {
      ports.push({ client: await closedPort(), route: await closedPort() });
    }
    const servers = new NatsServers(dir, ports, extra, hosts);
    await Promise.all(ports.map((_, index) => servers.startOne(index)));
    return servers;
  }

  get count(): number {
    return this.#ports.length;
  }

  /** The value of `--cluster`. */
  get urls(): string {
    return this.#ports.map(({ client }, at) => `nats://${this.#address(at)}:${client}`).join(",");
  }

  /** Starts a server, or starts it again with what it has stored. */
  async startOne(index: number): Promise<void> {
    const file = join(this.#dir, `nats-${index}.conf`);
    mkdirSync(this.#dir, { recursive: true });
    writeFileSync(file, this.#config(index));
    const server = new Running([...(this.#hosts?.on(index) ?? []), "nats-server", "-c", file]);
    this.#running[index] = server;
    await server.logged(/Server is ready/);
  }

  server(index: number): Running {
    const found = this.#running[index];
    if (found === undefined) throw new Error(`no NATS server ${index} has been started`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((server) => server[Symbol.asyncDispose]()));
  }

  #address(index: number): string {
    return this.#hosts?.address(index) ?? "127.0.0.1";
  }

  #config(index: number): string {
    const { client, route } = this.#ports[index] as NatsPorts;
    const routes = this.#ports
      .map((each, at) => `nats-route://${this.#address(at)}:${each.route}`)
      .join(", ");
    const own = this.#address(index);
    const cluster = `cluster { name: test, listen: "${own}:${route}", routes: [${routes}] }`;
    const store = JSON.stringify(join(this.#dir, `js-${index}`));
    return [
      `server_name: s${index}`,
      `listen: "${own}:${client}"`,
      `jetstream { store_dir: ${store} }`,
      this.count === 1 ? "" : cluster,
      this.#extra,
    ].join("\n");
  }
}
