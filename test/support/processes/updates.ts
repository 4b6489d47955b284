/**
 * What tests of updates share: builds of the product that differ, keys that sign them, a control
 * plane that has them, and hosts on which one of them is installed.
 */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { thisPlatform } from "../../../lib/release/platform.ts";
import { build } from "../../../scripts/build.ts";
import { hiddenName } from "../servers/httpProxy.ts";
import { jsonLines } from "./cli.ts";
import { Running, type Serving, startServe, temporaryDir, wsctl } from "./processes.ts";

/** What runs at first, and what it is to become. */
export const older = "0.0.9";
export const newer = "0.2.0";
/** Builds that are broken, by what is broken in them. */
export const broken = { crash: "0.3.0", mute: "0.3.1", migrate: "0.3.2" } as const;
export type Fault = keyof typeof broken;

const platform = thisPlatform();

/** Enough for a version that works; one that does not is found out otherwise. */
const soon = { connect_seconds: 30, health_seconds: 1 };

/** Also by a name that only a proxy knows. */
const reached = ["--advertise", hiddenName];

export class Fleet implements AsyncDisposable {
  serving: Serving;
  readonly dir: string & Disposable;
  /** The public halves of two keys. */
  readonly keys: string[];

  private constructor(dir: string & Disposable, keys: string[], serving: Serving) {
    this.dir = dir;
    this.keys = keys;
    this.serving = serving;
  }

  /** With these versions built; nothing is published yet. */
  static async start(...versions: string[]): Promise<Fleet> {
    const dir = temporaryDir();
    for (const version of versions) await buildAs(join(dir, version), version);
    const keys: string[] = [];
    for (const name of ["a", "b"]) {
      const made = await wsctl(["release", "generate-key", join(dir, `${name}.key`)]);
      keys.push(made.stdout.trim());
    }
    return new Fleet(dir, keys, await startServe({ dataDir: join(dir, "control"), args: reached }));
  }

  get dataDir(): string {
    return this.serving.dataDir;
  }

  file(version: string): string {
    return join(this.dir, version);
  }

  run(...words: string[]) {
    return wsctl([...words, "--data-dir", this.dataDir]);
  }

  async release(...words: string[]): Promise<void> {
    expect(await wsctl(["release", ...words])).toMatchObject({ code: 0 });
  }

  /** Signed by these keys; answers with the file that says so. */
  async sign(version: string, names = ["a", "b"]): Promise<string> {
    const output = join(this.dir, `${version}.${names.join("")}.json`);
    const keys = names.flatMap((name) => ["--key", join(this.dir, `${name}.key`)]);
    const files = ["--file", `${platform}=${this.file(version)}`];
    await this.release("sign", "--version", version, ...keys, ...files, "--output", output);
    return output;
  }

  /** With the file of this very version, unless another one's is signed for it. */
  async publish(version: string, signed?: string, built = version): Promise<void> {
    const release = signed ?? (await this.sign(version));
    const files = ["--file", `${platform}=${this.file(built)}`];
    const published = await this.run("release", "publish", release, ...files);
    expect(published.stderr).toStartWith("Install it with: ");
    expect(published.code).toBe(0);
  }

  /** The file that the control plane hands out for a version. */
  stored(version: string): string {
    const sha256 = createHash("sha256")
      .update(readFileSync(this.file(version)))
      .digest("hex");
    return join(this.dataDir, "artifacts", "objects", sha256.slice(0, 2), sha256);
  }

  async restartServe(): Promise<void> {
    const { dataDir, port, process } = this.serving;
    await process.kill();
    this.serving = await startServe({ dataDir, port, args: reached });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.serving[Symbol.asyncDispose]();
    this.dir[Symbol.dispose]();
  }
}

/** A version that is one of the broken ones is broken. */
async function buildAs(outfile: string, version: string): Promise<void> {
  const fault = (Object.keys(broken) as Fault[]).find((name) => broken[name] === version);
  await build({ outfile, version, ...(fault === undefined ? {} : { fault }) });
}

export interface HostOptions {
  /** Instead of the two keys and the threshold of two. */
  trust?: string[];
  /** Instead of the control plane's own address. */
  server?: string;
  env?: Record<string, string>;
}

/** A host with an installed agent, which runs. */
export class Host implements AsyncDisposable {
  readonly id: string;
  readonly file: string;
  agent: Running;
  readonly #fleet: Fleet;
  readonly #args: string[];
  readonly #dir: string;
  readonly #env: Record<string, string>;

  private constructor(
    fleet: Fleet,
    id: string,
    dir: string,
    { args, env }: { args: string[]; env: Record<string, string> },
  ) {
    this.#env = env;
    this.#fleet = fleet;
    this.id = id;
    this.#dir = dir;
    this.#args = args;
    this.file = join(dir, "wsctl");
    this.agent = this.#run();
  }

  static async start(fleet: Fleet, id: string, options: HostOptions = {}): Promise<Host> {
    const dir = join(fleet.dir, "hosts", id);
    mkdirSync(join(dir, "commands.d"), { recursive: true });
    copyFileSync(fleet.file(older), join(dir, "wsctl"));
    const token = await fleet.run("tokens", "create", "--agent", id);
    await Bun.write(join(dir, "token"), token.stdout);
    const pinned = fleet.keys.flatMap((key) => ["--release-key", key]);
    const trust = options.trust ?? [...pinned, "--release-threshold", "2"];
    const server = options.server ?? fleet.serving.url;
    const files = ["--token-file", join(dir, "token"), "--data-dir", join(dir, "data")];
    const host = new Host(fleet, id, dir, {
      args: ["--server", server, ...files, ...trust],
      env: options.env ?? {},
    });
    await host.agent.logged(/connected/);
    return host;
  }

  get commandsDir(): string {
    return join(this.#dir, "commands.d");
  }

  /** The journal, and what is beside it. */
  get agentDir(): string {
    return join(this.#dir, "data", "agents", this.id);
  }

  /** Whoever starts the installed program anew. */
  async startAgain(): Promise<void> {
    this.agent = this.#run();
    await this.agent.logged(/connected/);
  }

  words(command: string, parameters: object = {}): string[] {
    const given = ["--params", JSON.stringify(parameters)];
    return ["send", command, "--agent", this.id, "--ttl", "90s", "--timeout", "30m", ...given];
  }

  async send(command: string, parameters: object = {}): Promise<OutcomeLine> {
    const finished = await this.#fleet.run(...this.words(command, parameters), "--json");
    expect(finished.stderr).toBe("");
    return jsonLines<OutcomeLine>(finished)[0] as OutcomeLine;
  }

  update(version: string, more: object = {}): Promise<OutcomeLine> {
    return this.send("update", { version, ...soon, ...more });
  }

  /** That the agent answers, and as which version. */
  async version(): Promise<unknown> {
    expect(await this.send("ping")).toMatchObject({ outcome: "success" });
    return ((await this.send("info")).result as { version: string }).version;
  }

  /** Whether exactly this version is what is installed. */
  has(version: string): boolean {
    return isSame(this.file, this.#fleet.file(version));
  }

  /** The new version's process, as soon as it runs as the agent. */
  async onTrial(): Promise<number> {
    const updates = join(this.agentDir, "updates");
    for (let tries = 0; tries < 600; tries++) {
      const pid = readdirSync("/proc").find((name) => runsAgentFrom(name, updates));
      if (pid !== undefined) return Number(pid);
      await Bun.sleep(50);
    }
    throw new Error(`nothing is on trial:\n${this.agent.lines.join("\n")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
  }

  #run(): Running {
    const words = ["--id", this.id, "--commands-dir", this.commandsDir, "--log-level", "debug"];
    return new Running([this.file, "agent", ...words, ...this.#args], { env: this.#env });
  }
}

export function isSame(one: string, other: string): boolean {
  return (
    statSync(one).size === statSync(other).size && readFileSync(one).equals(readFileSync(other))
  );
}

function runsAgentFrom(pid: string, dir: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const isThere = readlinkSync(`/proc/${pid}/exe`).startsWith(dir);
    return isThere && readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[1] === "agent";
  } catch {
    return false;
  }
}
