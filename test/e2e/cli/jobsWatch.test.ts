/** Follows a job again, asks an agent what a command takes, and loses nothing to a closed stdout. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import type { AgentDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { closedPort, expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const at = (name: string) => join(`${dataDir}`, name);
const local = (...args: string[]) => wsctl([...args, "--data-dir", `${dataDir}`]);
const begin = async (command: string) =>
  (await local("send", command, "--agent", "web-1", "--no-wait")).stdout.trim();
const watching = (...args: string[]) =>
  new Running([...wsctlCommand("binary"), "jobs", "watch", ...args, "--data-dir", `${dataDir}`]);
const shell = (line: string) => new Running(["/bin/sh", "-c", line], { env: { W: binary } });
const [binary = ""] = wsctlCommand("binary");
let serving: Serving;
let agent: Running;

function define(name: string, script: string): void {
  const argv = JSON.stringify(["/bin/sh", "-c", script]);
  const parameters = '[parameters.properties.version]\ntype = "string"\npattern = "^v[0-9]+$"\n';
  const text = `description = "does ${name}"\nargv = ${argv}\n${parameters}`;
  writeFileSync(join(at("commands.d"), `${name}.toml`), text);
}

beforeAll(async () => {
  mkdirSync(at("commands.d"));
  define("slow", `echo first; while [ ! -e ${at("go")} ]; do sleep 0.05; done; echo second`);
  define("fails", "echo out; exit 3");
  serving = await startServe({ dataDir });
  agent = await connectedAgent({
    dataDir,
    id: "web-1",
    args: ["--commands-dir", at("commands.d")],
  });
  await local("tokens", "create", "--agent", "away-1");
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

test("jobs watch shows what runs, from its beginning to its outcome; Ctrl-C leaves it", async () => {
  const jobId = await begin("slow");
  await using first = watching(jobId);
  await first.logged(/^\[web-1\] first$/);
  first.signal("SIGINT");
  expect(await first.exited).toBe(130);
  expect(first.lines).toContain(`The job continues; follow it with: wsctl jobs watch ${jobId}`);
  await using second = watching(jobId);
  await second.logged(/^\[web-1\] first$/);
  writeFileSync(at("go"), "");
  expect(await second.exited).toBe(0);
  expect(second.lines.filter((line) => line.startsWith("[web-1]"))).toEqual([
    ...["[web-1] first", "[web-1] second"],
  ]);
  expect(second.lines.at(-1)).toMatch(/^web-1 {2}success/);
});

test("jobs watch of what has ended tells how, with send's exit status and files", async () => {
  const sent = await local("send", "fails", "--agent", "web-1", "--json");
  const [{ job_id = "" } = {}] = jsonLines<OutcomeLine>(sent);
  const told = await local("jobs", "watch", job_id, "--json");
  expect(told).toMatchObject({ code: 1, stderr: "", stdout: sent.stdout });
  const plain = await local("jobs", "watch", job_id, "--no-stream-output");
  expect(plain.code).toBe(1);
  expect(plain.stdout).toContain("web-1  failed");
  expect((await local("jobs", "watch", job_id, "--output", at("out"))).code).toBe(1);
  expect(readFileSync(join(at("out"), "failed"), "utf8")).toBe("web-1 failed\n");
  expect(readFileSync(join(at("out"), "web-1.stdout"), "utf8")).toContain("out\n");
});

test("jobs watch of a job of an agent that was forgotten tells how it ended", async () => {
  await local("tokens", "create", "--agent", "gone-1");
  const words = ["send", "fails", "--agent", "gone-1,web-1", "--ttl", "1s", "--json"];
  const [{ job_id = "" } = {}] = jsonLines<OutcomeLine>(await local(...words));
  expect((await local("agents", "delete", "gone-1")).code).toBe(0);
  const { code, stdout } = await local("jobs", "watch", job_id);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^gone-1 {2}expired/m);
  expect(stdout).toMatch(/^web-1 {2}failed/m);
});

test("an empty id, as of a variable that is not set, is no other path", async () => {
  expectRefusal(await local("jobs", "show", ""), 2, /Empty name or id/);
  expectRefusal(await local("agents", "show", ""), 2, /Empty name or id/);
});

test("jobs watch of a job that there is not is refused", async () => {
  const finished = await local("jobs", "watch", "00000000-0000-7000-8000-000000000000");
  expectRefusal(finished, 1, /Unknown job/i);
});

test("send COMMAND --help --agent says what the agent's command takes", async () => {
  const { code, stdout, stderr } = await local("send", "slow", "--help", "--agent", "away-1,web-1");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith("slow on web-1: does slow\n");
  expect(stdout).toContain("  version  text matching ^v[0-9]+$\n");
  expect(stdout).toContain("  wsctl send slow --agent web-1 --param version=…\n");
  const help = (...args: string[]) => local("send", ...args, "-h");
  expectRefusal(await help("slwo", "--agent", "web-1"), 1, /mean "slow"\? It has: .*fails/);
  expectRefusal(await help("ping", "--agent", "away-1"), 1, /"away-1" has not announced/);
  expect((await help("ping", "--agent", "nobody")).code).toBe(5);
  const server = `http://127.0.0.1:${await closedPort()}`;
  const env = { WSCTL_TOKEN: "x" };
  const words = ["send", "ping", "--help", "--agent", "web-1", "--server", server];
  expectRefusal(await wsctl(words, { env }), 3, /Cannot reach/);
});

test("agents show lists what an agent can do", async () => {
  const { stdout } = await local("agents", "show", "web-1");
  expect(stdout).toMatch(/^COMMAND +WHAT IT DOES$/m);
  expect(stdout).toMatch(/^slow +does slow$/m);
  const [shown] = jsonLines<AgentDetail>(await local("agents", "show", "web-1", "--json"));
  expect(shown?.commands?.map(({ name }) => name)).toContain("slow");
});

test.each([">&-", "<&- >&-", ">/dev/full"])("an answer that cannot be given, %s", async (where) => {
  const tokens = async () => jsonLines<TokenView>(await local("tokens", "--json"));
  const jobs = async () => (await local("jobs", "--json")).stdout;
  const before = { tokens: await tokens(), jobs: await jobs() };
  for (const words of ["tokens create --agent t", "send ping --all", "version", "jobs"]) {
    const dir = words === "version" ? "" : `--data-dir ${dataDir}`;
    await using running = shell(`"$W" ${words} ${dir} ${where}`);
    expect(await running.exited).toBe(1);
    await running.logged(/^wsctl: Cannot write to standard output: /);
  }
  expect({ tokens: await tokens(), jobs: await jobs() }).toEqual(before);
});

test("/dev/null is written to like any other file", async () => {
  await using running = shell(`"$W" version >/dev/null`);
  expect(await running.exited).toBe(0);
});

test("a token whose reader has gone is revoked again", async () => {
  const create = `"$W" tokens create --agent gone --data-dir ${dataDir}`;
  const pipe = `mkfifo ${at("pipe")}; exec 3<>${at("pipe")} 4>${at("pipe")} 3<&-; ${create} >&4`;
  await using running = shell(pipe);
  expect(await running.exited).toBe(1);
  await running.logged(/standard output: .*the new token \S+ was revoked/);
  const made = jsonLines<TokenView>(await local("tokens", "--json"));
  const gone = made.filter(({ agent_id }) => agent_id === "gone");
  expect(gone).toHaveLength(1);
  expect(gone[0]?.revoked_at).toBeDefined();
});
