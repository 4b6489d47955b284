/** Two hosts on a network of their own: two network namespaces, joined by a cable. For root only. */
import { spawnSync } from "node:child_process";

export class TwoHosts implements Disposable {
  readonly #names: [string, string];

  private constructor(names: [string, string]) {
    this.#names = names;
  }

  /** Undefined where this machine does not let us. */
  static make(): TwoHosts | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const id = `wsctl${process.pid % 100_000}`;
    const hosts = new TwoHosts([`${id}a`, `${id}b`]);
    const [one, two] = hosts.#names;
    const steps = [
      `netns add ${one}`,
      `netns add ${two}`,
      `link add ${one}v netns ${one} type veth peer name ${two}v netns ${two}`,
      `-n ${one} addr add 10.77.0.1/24 dev ${one}v`,
      `-n ${two} addr add 10.77.0.2/24 dev ${two}v`,
      ...[one, two].flatMap((name) => [
        `-n ${name} link set ${name}v up`,
        `-n ${name} link set lo up`,
      ]),
    ];
    const isMade = steps.every((step) => spawnSync("ip", step.split(" ")).status === 0);
    if (isMade) return hosts;
    hosts[Symbol.dispose]();
    return undefined;
  }

  /** The words that run a command on one of the two. */
  on(host: 0 | 1): string[] {
    return ["ip", "netns", "exec", this.#names[host]];
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) spawnSync("ip", ["netns", "delete", name]);
  }
}
