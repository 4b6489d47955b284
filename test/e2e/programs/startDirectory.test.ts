/** What a long-lived process keeps of the shell that started it: its paths, and nothing else. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { Running, temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const home = temporaryDir();
let fleet: JoinableFleet;
let token: string;

beforeAll(async () => {
  fleet = await JoinableFleet.start();
  token = await fleet.newToken("--agent", "web-1");
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

/** An agent as a shell starts it, in a directory of its own. */
function startIn(cwd: string, command: string): Running {
  mkdirSync(cwd, { recursive: true });
  const [wsctl = ""] = wsctlCommand("binary");
  return new Running(["/bin/bash", "-c", command.replaceAll("WSCTL", wsctl)], { cwd });
}

async function exec(agent: string, ...argv: string[]): Promise<string> {
  const params = JSON.stringify({ argv });
  const sent = await fleet.run(
    "send",
    "exec",
    "--agent",
    agent,
    "--ttl",
    "20s",
    "--params",
    params,
  );
  expect(sent.stderr).toMatch(/^Job \S+\n$/);
  return sent.stdout;
}

async function restart(agent: string): Promise<void> {
  const sent = await fleet.run("send", "restart", "--agent", agent, "--ttl", "20s");
  expect(sent).toMatchObject({ code: 0, stdout: expect.stringContaining("restarted, version ") });
}

const access = () => `--server ${fleet.serving.url} --ca ../ca.pem`;

test("an agent leaves its start directory, and its relative paths stay right", async () => {
  const cwd = join(home, "install");
  mkdirSync(cwd);
  writeFileSync(join(home, "ca.pem"), await Bun.file(join(fleet.dataDir, "tls", "ca.pem")).text());
  writeFileSync(join(home, "token"), token, { mode: 0o600 });
  mkdirSync(join(home, "commands.d"));
  const manifest = 'description = "d"\nargv = ["/bin/echo", "said"]\n';
  writeFileSync(join(home, "commands.d", "say.toml"), manifest);
  writeFileSync(join(home, "config.toml"), '[agent]\nallow_exec = ["**"]\n');
  const paths = "--data-dir ../data --token-file ../token --commands-dir ../commands.d";
  const command = `umask 0; exec WSCTL agent --id web-1 --config ../config.toml ${paths} ${access()}`;
  await using agent = startIn(cwd, command);
  await agent.logged(/connected/);
  expect(readlinkSync(`/proc/${agent.pid}/cwd`)).toBe("/");
  expect(statSync(join(home, "data", "agents", "web-1", "log")).mode & 0o077).toBe(0);
  rmSync(cwd, { recursive: true });
  for (let time = 0; time < 2; time++) {
    await restart("web-1");
    expect(await exec("web-1", "sh", "-c", "umask")).toContain("[web-1] 0022\n");
    const said = await fleet.run("send", "say", "--agent", "web-1", "--ttl", "20s");
    expect(said.stdout).toContain("[web-1] said");
  }
});

test("a control plane leaves its start directory", async () => {
  const cwd = join(home, "serve");
  await using serve = startIn(cwd, "exec WSCTL serve --port 0 --data-dir state");
  await serve.logged(/serving on/);
  expect(readlinkSync(`/proc/${serve.pid}/cwd`)).toBe("/");
  expect(statSync(join(cwd, "state", "local.json")).mode & 0o777).toBe(0o600);
});

test("a token from a pipe outlasts a restart", async () => {
  const pipe = `<(echo ${await fleet.newToken("--agent", "web-2")})`;
  const paths = `--data-dir data2 --token-file ${pipe}`;
  const command = `exec WSCTL agent --id web-2 --allow-exec '**' ${paths} ${access()}`;
  await using agent = startIn(join(home, "pipe"), command);
  await agent.logged(/connected/);
  await restart("web-2");
  await restart("web-2");
  expect(await exec("web-2", "env")).not.toContain("WSCTL_PIPED");
});

test("a join string that was read from standard input or a deleted file is not read again", async () => {
  const cwd = join(home, "join");
  mkdirSync(cwd);
  writeFileSync(join(cwd, "join"), await fleet.joinText("--agent", "web-3"));
  const data = "--data-dir data3 --allow-exec '**'";
  const command = `exec WSCTL agent --join - ${data} < <(cat join)`;
  {
    await using agent = startIn(cwd, command);
    await agent.logged(/connected/);
    await restart("web-3");
    await restart("web-3");
  }
  writeFileSync(join(cwd, "join4"), await fleet.joinText("--agent", "web-4"));
  const again = "exec WSCTL agent --id web-4 --join @join4 --data-dir data4 --allow-exec '**'";
  {
    await using agent = startIn(cwd, again);
    await agent.logged(/connected/);
    rmSync(join(cwd, "join4"));
    await restart("web-4");
  }
  await using agent = startIn(cwd, again);
  await agent.logged(/connected/);
});
