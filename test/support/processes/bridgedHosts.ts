/**
 * Hosts on one network: network namespaces on a bridge, from which each can be parted. For root
 * only.
 */
import { spawnSync } from "node:child_process";

/** Some of the hosts, counted from 0. */
export type HostsFrom = Pick<BridgedHosts, "address" | "on">;

export class BridgedHosts implements Disposable {
  readonly count: number;
  readonly #id = `wc${process.pid % 100_000}`;
  /** The network is of this process: 10.64.0.0 to 10.127.255.0, each with 254 hosts. */
  readonly #network = `10.${64 + ((process.pid >> 8) % 64)}.${process.pid % 256}`;
  #parted: number | undefined;

  private constructor(count: number) {
    this.count = count;
  }

  /** Undefined where this machine does not let us. */
  static make(count: number): BridgedHosts | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const hosts = new BridgedHosts(count);
    if (hosts.#steps().every((step) => ip(step))) return hosts;
    hosts[Symbol.dispose]();
    return undefined;
  }

  address(host: number): string {
    return `${this.#network}.${host + 1}`;
  }

  /** The words that run a command on a host. */
  on(host: number): string[] {
    return ["ip", "netns", "exec", this.#name(host)];
  }

  /** The hosts from one on. */
  from(first: number): HostsFrom {
    return {
      address: (host) => this.address(first + host),
      on: (host) => this.on(first + host),
    };
  }

  /** Nothing passes between this host and the others any more; this machine reaches all of them. */
  part(host: number): void {
    this.#parted = host;
    this.#route("add", host);
  }

  /** Everything passes again. */
  join(): void {
    if (this.#parted !== undefined) this.#route("delete", this.#parted);
    this.#parted = undefined;
  }

  #route(verb: "add" | "delete", host: number): void {
    for (let other = 0; other < this.count; other++) {
      if (other === host) continue;
      for (const [from, to] of [
        [host, other],
        [other, host],
      ] as const) {
        const step = `-n ${this.#name(from)} route ${verb} blackhole ${this.address(to)}/32`;
        if (!ip(step)) throw new Error(`cannot change a route: ip ${step}`);
      }
    }
  }

  #name(host: number): string {
    return `${this.#id}n${host}`;
  }

  #steps(): string[] {
    const bridge = `${this.#id}b`;
    const steps = [
      `link add ${bridge} type bridge`,
      `addr add ${this.#network}.254/24 dev ${bridge}`,
      `link set ${bridge} up`,
    ];
    for (let host = 0; host < this.count; host++) {
      const [name, cable] = [this.#name(host), `${this.#id}v${host}`];
      steps.push(
        `netns add ${name}`,
        `link add ${cable} type veth peer name eth0 netns ${name}`,
        `link set ${cable} master ${bridge} up`,
        `-n ${name} addr add ${this.address(host)}/24 dev eth0`,
        `-n ${name} link set eth0 up`,
        `-n ${name} link set lo up`,
      );
    }
    return steps;
  }

  [Symbol.dispose](): void {
    for (let host = 0; host < this.count; host++) ip(`netns delete ${this.#name(host)}`);
    ip(`link delete ${this.#id}b`);
  }
}

function ip(step: string): boolean {
  return spawnSync("ip", step.split(" ")).status === 0;
}
