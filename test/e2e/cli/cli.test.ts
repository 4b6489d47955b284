/** Exit statuses, streams and settings of the compiled binary. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { adminToken, closedPort, expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import {
  Running,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const elsewhere = temporaryDir();
let serving: Serving;
const agents: Running[] = [];

/** On this host, by the local credentials. */
const local = (...args: string[]) => wsctl([...args, "--data-dir", `${dataDir}`]);
/** From another host: nothing is known here but what the environment says. */
const remote = (args: string[], env: Record<string, string> = {}) =>
  wsctl(args, { env: { WSCTL_DATA_DIR: `${elsewhere}`, ...env } });

beforeAll(async () => {
  serving = await startServe({ dataDir });
  for (const id of ["web-1", "web-2"]) agents.push(startAgent({ dataDir, id }));
  for (const agent of agents) await agent.logged(/connected/);
  await local("tokens", "create", "--agent", "away-1");
});
afterAll(async () => {
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
  elsewhere[Symbol.dispose]();
});

test("0: all succeeded; the answer on stdout, the job on stderr", async () => {
  const { code, stdout, stderr } = await local("send", "ping", "--agent", "web-1");
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^Job [-0-9a-f]{36}\n$/),
  });
  expect(stdout).toMatch(/^web-1 {2}success {2}pong {2}\(\d+ ms\)\n$/);
});

test("1: at least one did not succeed", async () => {
  const finished = await local("send", "shutdown", "--agent", "web-1", "--json");
  expect(finished.code).toBe(1);
  expect(jsonLines<OutcomeLine>(finished)).toMatchObject([{ code: "INVALID_COMMAND" }]);
  const mixed = await local("send", "ping", "--agent", "web-1,away-1", "--ttl", "1s", "--json");
  expect(mixed.code).toBe(1);
  const outcomes = jsonLines<OutcomeLine>(mixed).map(({ agent, outcome }) => [agent, outcome]);
  expect(Object.fromEntries(outcomes)).toEqual({ "web-1": "success", "away-1": "expired" });
});

test("2: wrong usage", async () => {
  expectRefusal(await local("send", "ping"), 2, /No target/);
});

test("3: the control plane cannot be reached", async () => {
  const server = `http://127.0.0.1:${await closedPort()}`;
  const env = { WSCTL_TOKEN: "anything" };
  expectRefusal(await remote(["agents", "--server", server], env), 3, /Cannot reach/);
  expectRefusal(await remote(["agents"], env), 3, /No control plane is known on this host/);
});

test("4: not authorised", async () => {
  const server = ["--server", serving.url];
  expectRefusal(await remote(["agents", ...server]), 4, /No token for/);
  const wrong = await remote(["agents", ...server], { WSCTL_TOKEN: "secret-of-mine" });
  expectRefusal(wrong, 4, /token/);
  expect(wrong.stderr).not.toContain("secret-of-mine");
  const made = await local("tokens", "create", "--role", "operator");
  const env = { WSCTL_TOKEN: made.stdout.trim() };
  expectRefusal(await remote(["tokens", ...server], env), 4, /admin/);
  expect((await remote(["agents", ...server], env)).code).toBe(0);
});

test("5: nothing matches the target", async () => {
  expectRefusal(await local("send", "ping", "--agent", "nobody"), 5, /"nobody"/);
});

test("130: Ctrl-C while waiting names the commands that follow and cancel the job, which continues", async () => {
  await using sending = new Running([
    ...wsctlCommand("binary"),
    ...["send", "ping", "--agent", "away-1", "--ttl", "5m", "--data-dir", `${dataDir}`],
  ]);
  const [, jobId = ""] = await sending.logged(/Ctrl-C detaches .*wsctl jobs watch (\S+)/);
  const seen = sending.lines.length;
  sending.signal("SIGINT");
  expect(await sending.exited).toBe(130);
  expect(sending.lines.slice(seen)).toEqual([
    "Detaching; press Ctrl-C again to cancel the job",
    `The job continues; follow it with: wsctl jobs watch ${jobId}`,
    `Cancel it with: wsctl jobs cancel ${jobId}`,
  ]);
  const [job] = jsonLines<JobDetail>(await local("jobs", "show", jobId, "--json"));
  expect(job?.requests[0]?.state).toBe("queued");
});

test("--json gives one object a line and nothing else, however many agents", async () => {
  const finished = await local("send", "info", "--agent", "web-1,web-2", "--json");
  expect(finished).toMatchObject({ code: 0, stderr: "" });
  const lines = jsonLines<OutcomeLine>(finished);
  expect(lines.map(({ agent }) => agent).sort()).toEqual(["web-1", "web-2"]);
  const times = ["duration_ms", "execution_ms"];
  const fields = ["agent", "command", ...times, "job_id", "message", "outcome"];
  for (const line of lines) {
    expect(Object.keys(line).sort()).toEqual([...fields, "request_id", "result"]);
  }
});

test("remarks go to stderr", async () => {
  const { stdout, stderr } = await local("send", "ping", "--agent", "web-1,web-2");
  expect(stdout.trim().split("\n")).toHaveLength(2);
  expect(stderr).toMatch(/^Job [-0-9a-f]{36}\n2 agents: 2 success\n$/);
  const away = await local("send", "ping", "--agent", "away-1", "--ttl", "1s");
  expect(away.stderr).toContain("Waiting up to 1s for offline agents: away-1");
  expect(away.stdout).toMatch(/^away-1 {2}expired {2}EXPIRED/);
});

test("after failures, a remark has the command that retries them, unless a program reads it", async () => {
  const failing = ["send", "shutdown", "--agent", "web-1"];
  const { stderr } = await local(...failing);
  const [, jobId = "", command = ""] = /^Job (\S+)\nRetry with: wsctl (.*)\n$/.exec(stderr) ?? [];
  expect(command).toBe(`jobs retry ${jobId} --not-started`);
  const again = await local(...command.split(" "));
  expect(again.stderr).toContain("retries 1 of 1 agent");
  expect(again.stderr).toMatch(/Retry with: wsctl jobs retry \S+ --not-started\n$/);
  expect((await local("jobs", "watch", jobId)).stderr).toBe(`Retry with: wsctl ${command}\n`);
  for (const format of [["--json"], ["--format", "csv"]]) {
    expect((await local(...failing, ...format)).stderr).toBe("");
  }
});

test("--no-wait answers with the job and leaves it to itself", async () => {
  const plain = await local("send", "ping", "--agent", "web-1", "--no-wait");
  expect(plain).toMatchObject({ code: 0, stderr: "" });
  const jobId = plain.stdout.trim();
  expect((await local("jobs", "show", jobId)).stdout).toContain(jobId);
  const json = await local("send", "ping", "--agent", "web-1", "--no-wait", "--json");
  const [accepted] = jsonLines<{ job_id: string; requests: { agent: string }[] }>(json);
  expect(accepted?.requests).toMatchObject([{ agent: "web-1", online: true }]);
});

test("parameters come as JSON, from a file, or one by one", async () => {
  const file = join(`${elsewhere}`, "params.json");
  writeFileSync(file, '{"delay_seconds":"from the file"}');
  const to = ["--agent", "web-1", "--json", "--data-dir", `${dataDir}`];
  // A command that no agent has announced: its parameters are nobody's to judge.
  const send = (args: string[]) => wsctl(["send", "unheard-of", ...args, ...to]);
  const given = async (finished: Awaited<ReturnType<typeof wsctl>>) => {
    const [line] = jsonLines<OutcomeLine>(finished);
    const shown = await local("jobs", "show", line?.job_id ?? "", "--json");
    return jsonLines<JobDetail>(shown)[0]?.parameters;
  };
  expect(await given(await send(["--params", '{"a":[1]}']))).toEqual({ a: [1] });
  expect(await given(await send(["--params", `@${file}`]))).toEqual({
    delay_seconds: "from the file",
  });
  const pairs = ["a=1", "b=true", "c=text", "d==", "__proto__=5"];
  const each = await given(await send(pairs.flatMap((pair) => ["--param", pair])));
  expect(JSON.stringify(each)).toBe('{"a":1,"b":true,"c":"text","d":"=","__proto__":5}');
});

test("parameters and the token come from standard input, also where that is a socket", async () => {
  const ask = ["send", "unheard-of", "--agent", "web-1", "--no-wait", "--data-dir", `${dataDir}`];
  const sent = await wsctl([...ask, "--params", "-"], { stdin: '{"from":"stdin"}' });
  expect(sent).toMatchObject({ code: 0, stderr: "" });
  const [job] = jsonLines<JobDetail>(await local("jobs", "show", sent.stdout.trim(), "--json"));
  expect(job?.parameters).toEqual({ from: "stdin" });
  const list = ["agents", "--server", serving.url, "--token-file", "-"];
  const env = { WSCTL_DATA_DIR: `${elsewhere}` };
  expect((await wsctl(list, { stdin: adminToken(dataDir), env })).code).toBe(0);
  expect((await wsctl(list, { stdin: "wrong", env })).code).toBe(4);
});

test("the environment gives what flags could, and a file the token", async () => {
  const token = adminToken(dataDir);
  const env = { WSCTL_SERVER: serving.url, WSCTL_TOKEN: token };
  const sent = await remote(["send", "ping"], { ...env, WSCTL_AGENT: "web-1", WSCTL_JSON: "1" });
  expect(jsonLines<OutcomeLine>(sent)).toMatchObject([{ agent: "web-1", outcome: "success" }]);
  const file = join(`${elsewhere}`, "token");
  writeFileSync(file, `${token}\n`);
  const server = serving.url.replace("http", "ws");
  const listed = await remote(["agents", "--server", server, "--token-file", file]);
  expect(listed).toMatchObject({ code: 0, stderr: "" });
});

test("settings: flag, then environment, then settings file, then default", async () => {
  const file = join(`${elsewhere}`, "settings.toml");
  writeFileSync(file, `data_dir = "${dataDir}"\ntimeout = "6s"\n[send]\ntimeout = "7s"\n`);
  const timeoutOf = async (args: string[], env: Record<string, string>) => {
    const ask = ["send", "ping", "--agent", "web-1", "--no-wait", ...args];
    const { stdout } = await wsctl(ask, { env });
    const [job] = jsonLines<JobDetail>(await local("jobs", "show", stdout.trim(), "--json"));
    return job?.timeout_seconds;
  };
  const settings = { WSCTL_CONFIG: file };
  const env = { ...settings, WSCTL_TIMEOUT: "8s" };
  expect(await timeoutOf([], { WSCTL_DATA_DIR: `${dataDir}` })).toBe(30);
  expect(await timeoutOf([], settings)).toBe(7);
  expect(await timeoutOf([], env)).toBe(8);
  expect(await timeoutOf(["--timeout", "9s"], env)).toBe(9);
});

test("a key that the settings file spells wrong is named with the right spelling", async () => {
  const file = join(`${elsewhere}`, "wrong.toml");
  writeFileSync(file, '[send]\ntimeuot = "7s"\n');
  const finished = await remote(["send", "ping", "--all", "--config", file]);
  expectRefusal(finished, 2, /Unknown key "timeuot" for send .*did you mean timeout\?/);
  writeFileSync(file, "this is no TOML");
  const unread = await remote(["agents", "--config", file]);
  expect({ code: unread.code, stdout: unread.stdout }).toEqual({ code: 2, stdout: "" });
  expect(unread.stderr).toMatch(/^wsctl: Cannot read the settings file /);
});
