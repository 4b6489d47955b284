/** What a program can rely on: pipes, and the environment of a login, however its agent started. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  flavours,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const isRoot = process.getuid?.() === 0;

describe.each(flavours)("an agent on %s", (flavour) => {
  const dataDir = temporaryDir();
  const commandsDir = join(`${dataDir}`, "commands.d");
  let serving: Serving;
  let agent: Running;

  beforeAll(async () => {
    mkdirSync(commandsDir);
    serving = await startServe({ dataDir });
    const flags = ["--id", "web-1", "--allow-exec", "**", "--commands-dir", commandsDir];
    const words = [...wsctlCommand(flavour), "agent", ...flags, "--data-dir", `${dataDir}`];
    // As a service manager or an unusual shell would start it.
    const unusual = ["-u", "HOME", "-u", "USER", "-u", "SHELL", "PATH=/nowhere:/usr/bin:/bin"];
    const script = 'umask 077; cd /tmp; exec "$@"';
    agent = new Running(["env", ...unusual, "sh", "-c", script, "sh", ...words]);
    await agent.logged(/connected/);
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dataDir[Symbol.dispose]();
  });

  async function send(command: string, ...words: string[]): Promise<string> {
    const flags = ["--agent", "web-1", "--ttl", "20s", "--data-dir", `${dataDir}`, "--json"];
    const { stdout } = await wsctl(["send", command, ...flags, ...words]);
    return JSON.parse(stdout).message;
  }
  const exec = (...argv: string[]) => send("exec", "--params", JSON.stringify({ argv }));

  test.each([
    ["/dev/stderr can be opened again", "echo said > /dev/stderr", "said"],
    ["/dev/stdout can be opened again", "echo said | tee /dev/stdout", "said\nsaid"],
    ["/dev/stdin can be opened again", "wc -c < /dev/stdin", "3"],
    ["the streams are pipes", "[ -p /dev/stdin ] && [ -p /dev/stdout ] && echo pipes", "pipes"],
  ])("%s", async (name, script, expected) => {
    writeFileSync(
      join(commandsDir, "pipes.toml"),
      `description = "${name}"\nargv = ["/bin/bash", "-c", '''${script}''']\n`,
    );
    await agent.logged(/./);
    for (let tries = 0; tries < 100; tries++) {
      const listed = await wsctl(["agents", "show", "web-1", "--json", "--data-dir", `${dataDir}`]);
      if (listed.stdout.includes(name)) break;
    }
    expect(await send("pipes")).toBe(expected);
  });

  test("bash does not take itself for a remote login", async () => {
    // The start file of a remote login would be read before the command.
    const home = temporaryDir();
    writeFileSync(join(`${home}`, ".bashrc"), "echo from the start file\n");
    expect(await exec("env", `HOME=${home}`, "bash", "-c", "echo said")).toBe("said");
    expect(
      await exec("sh", "-c", "ls -l /proc/self/fd/0 /proc/self/fd/2 | grep -c socket || true"),
    ).toBe("0");
  });

  test("input of the largest size arrives whole, and unread input does not matter", async () => {
    const stdin = "x".repeat(40_000);
    const params = JSON.stringify({ argv: ["wc", "-c"], stdin });
    expect((await send("exec", "--params", params)).trim()).toBe("40000");
    expect(await send("exec", "--params", JSON.stringify({ argv: ["true"], stdin }))).toBe("");
  });

  test("the environment is that of a login", async () => {
    const username = spawnSync("id", ["-un"], { encoding: "utf8" }).stdout.trim();
    const account = spawnSync("getent", ["passwd", username], { encoding: "utf8" }).stdout;
    const shell = account.trim().split(":")[6];
    const said = await exec(
      "sh",
      "-c",
      'umask; echo "$HOME:$USER:$LOGNAME:$SHELL"; pwd; echo $PATH',
    );
    const [umask, names, pwd, path = ""] = said.split("\n");
    expect(umask).toBe("0022");
    const home = spawnSync("sh", ["-c", "eval echo ~$(id -un)"], {
      encoding: "utf8",
    }).stdout.trim();
    expect(names).toBe([home, username, username, shell].join(":"));
    expect(pwd).toBe(home);
    expect(path).not.toContain("nowhere");
    expect(path).toContain("/usr/local/bin");
  });

  test.skipIf(!isRoot)("a program of another user gets the login of that user", async () => {
    const manifest =
      'description = "as"\nuser = "games"\nargv = ["/bin/sh", "-c", "echo $USER:$HOME:$SHELL; (echo err > /dev/stderr) || true"]\n';
    writeFileSync(join(commandsDir, "as.toml"), manifest);
    for (let tries = 0; tries < 100; tries++) {
      const listed = await wsctl(["agents", "show", "web-1", "--json", "--data-dir", `${dataDir}`]);
      if (listed.stdout.includes('"as"')) break;
    }
    const entry = spawnSync("getent", ["passwd", "games"], { encoding: "utf8" }).stdout.split(":");
    const lines = (await send("as")).split("\n");
    expect(lines[0]).toBe(`games:${entry[5]}:/bin/sh`);
    if (flavour !== "deno") expect(lines[1]).toBe("err");
  });
});
