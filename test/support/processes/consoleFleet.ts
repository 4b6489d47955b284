/** A control plane of the binary with three agents that deploy, and a browser to look at it. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { startBrowser } from "../clients/browser.ts";
import { openConsole } from "../clients/consolePage.ts";
import { adminToken } from "./cli.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "./processes.ts";

const manifest = `description = "Deploy a version"
argv = ["COMMANDS/deploy.sh", "{version}", "{mode}"]

[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
description = "The version to deploy"
[parameters.properties.mode]
enum = ["safe", "slow", "broken"]
default = "safe"
`;
/** A command with a file as its parameter. */
const installer = `description = "Install a package"
argv = ["/usr/bin/stat", "--format=%s bytes", "{package}"]

[parameters]
required = ["package"]
[parameters.properties.package]
type = "artifact"
description = "The package"
`;
/** With "slow" it runs until it is cancelled, and with "broken" it fails. */
const program = `#!/bin/sh
printf '\\033[32mgreen %s\\033[0m\\nsecond line\\n' "$1"
echo "report of $1" > "$WSCTL_ARTIFACT_DIR/report.txt"
[ "$2" = slow ] && exec sleep 600
[ "$2" != broken ]
`;

export class ConsoleFleet implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #serving: Serving;
  readonly #dir: string & Disposable;
  readonly #agents: Running[] = [];

  private constructor(browser: Browser, serving: Serving, dir: string & Disposable) {
    this.#browser = browser;
    this.#serving = serving;
    this.#dir = dir;
  }

  /** With the agents web-1, web-2 and db-1, whose label `role` is web or db. */
  static async start(): Promise<ConsoleFleet> {
    const dir = temporaryDir();
    const commands = join(dir, "commands");
    mkdirSync(commands);
    writeFileSync(join(commands, "deploy.toml"), manifest.replace("COMMANDS", commands));
    writeFileSync(join(commands, "install.toml"), installer);
    writeFileSync(join(commands, "deploy.sh"), program);
    chmodSync(join(commands, "deploy.sh"), 0o755);
    const browser = await startBrowser();
    const args = ["--require-approval-for", "restart", "--webhook-allow", "127.0.0.1"];
    const fleet = new ConsoleFleet(browser, await startServe({ dataDir: dir, args }), dir);
    for (const id of ["web-1", "web-2", "db-1"]) {
      const label = `role=${id.replace(/-\d/, "")}`;
      const own = ["--commands-dir", commands, "--label", label, "--allow-exec", "**"];
      fleet.#agents.push(await connectedAgent({ dataDir: dir, id, args: own }));
    }
    return fleet;
  }

  /** Ends the agent process of the last agent, db-1. */
  async stopLast(): Promise<void> {
    await this.#agents.at(-1)?.kill();
  }

  /** Runs a command of the CLI as the administrator, and answers with its standard output. */
  async run(...words: string[]): Promise<string> {
    return (await wsctl([...words, "--data-dir", `${this.#dir}`])).stdout.trim();
  }

  open(path: string, token = adminToken(this.#dir)) {
    return openConsole(this.#browser, { url: this.#serving.url, token, path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    for (const agent of this.#agents) await agent[Symbol.asyncDispose]();
    await this.#serving[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }
}
