/** Odd manifests, odd results and odd places: none of them harms another, or changes an outcome. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { expectRefusal } from "../../support/processes/cli.ts";
import {
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** A host with a directory of manifests, and its control plane. */
class Host implements AsyncDisposable {
  readonly dir = temporaryDir();
  serving!: Serving;
  agent!: Running;

  static async start(prepare: (commands: string) => void = () => {}, dataDir?: string) {
    const host = new Host();
    mkdirSync(host.commands);
    prepare(host.commands);
    host.serving = await startServe({ dataDir: host.dir });
    const args = ["--data-dir", dataDir ?? `${host.dir}`, "--commands-dir", host.commands];
    host.agent = new Running([...wsctlCommand("binary"), "agent", "--id", "web-1", ...args], {
      cwd: `${host.dir}`,
    });
    await host.agent.logged(/ connected$/);
    return host;
  }

  get commands(): string {
    return join(`${this.dir}`, "commands.d");
  }

  define(name: string, script: string, rest = ""): void {
    const argv = JSON.stringify(["/bin/sh", "-c", script]);
    writeFileSync(
      join(this.commands, `${name}.toml`),
      `description = "d"\nargv = ${argv}\n${rest}`,
    );
  }

  async send(name: string, ...args: string[]): Promise<OutcomeLine> {
    const to = ["--agent", "web-1", "--data-dir", `${this.dir}`, "--json"];
    const sent = await wsctl(["send", name, ...to, ...args]);
    return JSON.parse(sent.stdout || "{}") as OutcomeLine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.serving[Symbol.asyncDispose]();
    this.dir[Symbol.dispose]();
  }
}

test("a schema that no validator can bear is named, and takes nobody down", async () => {
  await using host = await Host.start();
  const schemas = {
    circle: '[parameters]\n"$ref" = "#"\n',
    nowhere: '[parameters.properties.a]\n"$ref" = "#/nowhere"\n',
    pattern: '[parameters.patternProperties]\n"(" = {}\n',
    nan: "[parameters.properties.a]\ndefault = nan\n",
    twice: '[parameters.properties."a-b"]\n[parameters.properties.a_b]\n',
    nul: '[env]\nX = "a\\u0000b"\n',
    equals: '[env]\n"A=B" = "x"\n',
  };
  for (const [name, rest] of Object.entries(schemas)) host.define(name, "true", rest);
  host.define("fine", "echo fine");
  const lint = await wsctl(["commands", "lint", "--commands-dir", host.commands]);
  expect(lint.code).toBe(1);
  for (const name of Object.keys(schemas)) {
    expect(lint.stdout + lint.stderr).toContain(`${name}.toml`);
    const outcome = await host.send(name, "--param", "a=1");
    expect(outcome).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
  }
  expect(await host.send("fine")).toMatchObject({ outcome: "success", message: "fine" });
  expect(host.agent.hasExited).toBe(false);
});

test("links that lead nowhere or in a circle, pipes and directories harm no other manifest", async () => {
  await using host = await Host.start();
  host.define("fine", "echo fine");
  symlinkSync("/nonexistent", join(host.commands, "absent.toml"));
  symlinkSync("circle.toml", join(host.commands, "circle.toml"));
  spawnSync("mkfifo", [join(host.commands, "pipe.toml")]);
  mkdirSync(join(host.commands, "folder.toml"));
  expect(await host.send("fine")).toMatchObject({ outcome: "success" });
  for (const name of ["absent", "circle", "pipe", "folder"]) {
    expect(await host.send(name)).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
    await host.agent.logged(new RegExp(`manifest ignored: .*${name}\\.toml`));
  }
});

test("how a program ended stands, whatever it has left as its result", async () => {
  await using host = await Host.start();
  const deep = `${"[".repeat(40)}${"]".repeat(40)}`;
  host.define("deep", `echo '${deep}'`);
  host.define("surrogate", `printf '%s\\n' '{"a":"\\\\ud800"}'`);
  host.define("huge", 'head -c 20000 /dev/zero; echo; printf \'{"a":"%030000d"}\\n\' 1');
  host.define("number", `echo '{"x":1e999}'`);
  host.define("broken", `echo '${deep}'; exit 3`);
  expect(await host.send("deep")).toMatchObject({
    outcome: "success",
    message: expect.stringContaining("result omitted: it is nested too deeply"),
  });
  expect(await host.send("surrogate")).toMatchObject({ outcome: "success" });
  expect(await host.send("huge")).toMatchObject({
    outcome: "success",
    message: expect.stringContaining("result omitted: it exceeds the limit"),
  });
  expect(await host.send("number")).toMatchObject({
    outcome: "success",
    message: '{"x":1e999}',
  });
  expect(await host.send("broken")).toMatchObject({ outcome: "failed" });
});

test("agent: a relative --data-dir is resolved against the start directory", async () => {
  const host = await Host.start(undefined, ".");
  await using _ = host;
  host.define("fine", "echo fine");
  expect(await host.send("fine")).toMatchObject({ outcome: "success", message: "fine" });
  expect(relative(`${host.dir}`, host.commands)).toBe("commands.d");
});

test("--output refuses a directory that is not empty", async () => {
  await using host = await Host.start();
  using dir = temporaryDir();
  writeFileSync(join(dir, "web-1.stdout"), "of another job\n");
  const to = ["--agent", "web-1", "--data-dir", `${host.dir}`];
  const refused = await wsctl(["send", "ping", ...to, "--output", `${dir}`]);
  expectRefusal(refused, 2, /it is not empty/);
});

test("a mistake in an agent's flag leaves nothing behind", async () => {
  await using host = await Host.start();
  const at = ["--data-dir", `${host.dir}`];
  for (const args of [
    ["--max-output", "5"],
    ["--trust", "nokey"],
    ["--release-key", "foo"],
    ["--key-lifetime", "x"],
  ]) {
    const refused = await wsctl(["agent", "--id", "ghost", ...at, ...args]);
    expectRefusal(refused, 2, new RegExp(`Flag ${args[0]}`));
  }
  expect((await wsctl(["agents", ...at])).stdout).not.toContain("ghost");
});
