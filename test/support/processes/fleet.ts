/** A control plane with an authority of its own, and hosts that join it. */
import { join } from "node:path";
import {
  type Finished,
  type Flavour,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "./processes.ts";

export class JoinableFleet implements AsyncDisposable {
  serving: Serving;
  readonly dataDir: string & Disposable;
  readonly #flavour: Flavour;
  readonly #args: readonly string[];
  readonly #hosts: (string & Disposable)[] = [];
  readonly #agents: Running[] = [];

  private constructor(
    serving: Serving,
    dataDir: string & Disposable,
    flavour: Flavour,
    args: readonly string[],
  ) {
    this.#args = args;
    this.serving = serving;
    this.dataDir = dataDir;
    this.#flavour = flavour;
  }

  static async start(options: { flavour?: Flavour; args?: string[] } = {}): Promise<JoinableFleet> {
    const { flavour = "binary", args = [] } = options;
    const dataDir = temporaryDir();
    const serving = await startServe({ dataDir, flavour, args: ["--tls", "on", ...args] });
    return new JoinableFleet(serving, dataDir, flavour, args);
  }

  /** Killed, and started again on the same port. */
  async restart(): Promise<void> {
    const { port } = this.serving;
    await this.serving.process.kill();
    const args = ["--tls", "on", ...this.#args];
    const options = { dataDir: this.dataDir, flavour: this.#flavour, port, args };
    this.serving = await startServe(options);
  }

  /** As the operator on the control plane's own host. */
  run(...args: string[]): Promise<Finished> {
    return wsctl([...args, "--data-dir", `${this.dataDir}`], { flavour: this.#flavour });
  }

  /** As somebody with a token of their own, from elsewhere. */
  runAs(token: string, ...args: string[]): Promise<Finished> {
    const elsewhere = this.newHost();
    const ca = join(this.dataDir, "tls", "ca.pem");
    const at = ["--server", this.serving.url, "--ca", ca, "--data-dir", elsewhere];
    return wsctl([...args, ...at], { flavour: this.#flavour, env: { WSCTL_TOKEN: token } });
  }

  async newToken(...args: string[]): Promise<string> {
    const made = await this.run("tokens", "create", ...args);
    if (made.code !== 0) throw new Error(made.stderr);
    return made.stdout.trim();
  }

  joinText(...args: string[]): Promise<string> {
    return this.newToken("--join", ...args);
  }

  /** A directory for what one host keeps. */
  newHost(): string {
    const host = temporaryDir();
    this.#hosts.push(host);
    return `${host}`;
  }

  agent(host: string, ...args: string[]): Running {
    const at = ["--data-dir", host, "--log-level", "debug"];
    const agent = new Running([...wsctlCommand(this.#flavour), "agent", ...at, ...args]);
    this.#agents.push(agent);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await agent[Symbol.asyncDispose]();
    await this.serving[Symbol.asyncDispose]();
    for (const host of [this.dataDir, ...this.#hosts]) host[Symbol.dispose]();
  }
}
