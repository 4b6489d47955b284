/** Commands of the operator's own, as programs on a host: real processes, on every runtime. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  flavours,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { isAlive, written } from "../../support/processes/programs.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const commandsDir = join(`${dataDir}`, "commands.d");
let serving: Serving;

/** A manifest whose program is this shell script, with its parameters as a JSON Schema. */
function define(name: string, script: string, rest = ""): void {
  const path = join(commandsDir, `${name}.sh`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const argv = JSON.stringify([path]);
  writeFileSync(join(commandsDir, `${name}.toml`), `description = "d"\nargv = ${argv}\n${rest}`);
}

async function send(id: string, name: string, ...args: string[]): Promise<OutcomeLine> {
  const to = ["--agent", id, "--data-dir", `${dataDir}`, "--ttl", "30s", "--json"];
  const { stdout, stderr } = await wsctl(["send", name, ...to, ...args]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as OutcomeLine;
}

beforeAll(async () => {
  mkdirSync(commandsDir);
  serving = await startServe({ dataDir });
});
afterAll(async () => {
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe.each(flavours)("an agent on %s", (flavour) => {
  const id = `on-${flavour}`;
  let agent: Running;
  const start = () =>
    connectedAgent({
      ...{ dataDir, id, flavour, args: ["--commands-dir", commandsDir] },
      env: { WSCTL_DATA_DIR: `${dataDir}` },
    });
  beforeAll(async () => {
    agent = await start();
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  test("gives a program its parameters in three ways, and takes its result", async () => {
    const script = [
      "read -r json",
      'echo "$json" "$WSCTL_PARAM_WHO" "$1" "$(printenv WSCTL_DATA_DIR || echo none)"',
      `echo '{"greeted": true}'`,
    ].join("\n");
    define("greet", script, '[parameters.properties.who]\ntype = "string"\ndefault = "x"\n');
    const toml = join(commandsDir, "greet.toml");
    const text = readFileSync(toml, "utf8").replace(
      /argv = \["(.*)"\]/,
      'argv = ["$1", "<{who}>"]',
    );
    writeFileSync(toml, text);
    const who = "Ada $(id); 'q\" --flag";
    const outcome = await send(id, "greet", "--params", JSON.stringify({ who }));
    expect(outcome).toMatchObject({ outcome: "success", result: { greeted: true } });
    expect(outcome.message).toBe(`${JSON.stringify({ who })} ${who} <${who}> none`);
  });

  test("takes up a program when it is killed and comes back, and answers with all it said", async () => {
    const mark = join(`${dataDir}`, `${id}.pid`);
    const go = join(`${dataDir}`, `${id}.go`);
    const script = `echo before; echo $$ > ${mark}; while [ ! -e ${go} ]; do sleep 0.05; done; echo after`;
    define(`long-${flavour}`, script);
    const answer = send(id, `long-${flavour}`);
    const pid = Number(await written(mark));
    await agent.kill();
    expect(isAlive(pid)).toBe(true);
    agent = await start();
    await agent.logged(/taking up/);
    writeFileSync(go, "");
    expect(await answer).toMatchObject({ outcome: "success", message: "before\nafter" });
    // The agent deletes it once its response is acknowledged, which may be after the outcome is shown.
    while (readdirSync(join(`${dataDir}`, "agents", id, "runs")).length > 0) await Bun.sleep(10);
  });

  test("answers with the result of a program that ended while it was away", async () => {
    const mark = join(`${dataDir}`, `${id}.away`);
    const done = join(`${dataDir}`, `${id}.done`);
    define(
      `away-${flavour}`,
      `echo $$ > ${mark}; while kill -0 $(cat ${mark}.agent) 2>/dev/null; do sleep 0.05; done; echo > ${done}; echo bye; exit 7`,
    );
    writeFileSync(`${mark}.agent`, String(agent.pid));
    const sentAt = performance.now();
    const answer = send(id, `away-${flavour}`);
    await written(mark);
    await agent.kill();
    await written(done);
    const runs = join(`${dataDir}`, "agents", id, "runs");
    const end = join(runs, readdirSync(runs)[0] ?? "", "end.json");
    while (!existsSync(end)) await Bun.sleep(10);
    const ranMsMax = performance.now() - sentAt;
    agent = await start();
    const outcome = await answer;
    expect(outcome).toMatchObject({
      outcome: "failed",
      message: "exited with status 7\nbye",
      result: { exit_code: 7 },
    });
    // It ran until it ended, and not until the agent was back.
    expect(outcome.execution_ms).toBeLessThan(ranMsMax);
  });

  test("stops what ignores SIGTERM at its timeout, with all that it started", async () => {
    const mark = join(`${dataDir}`, `${id}.strays`);
    const script = [
      "trap '' TERM",
      `setsid sh -c 'trap "" TERM; echo $$ > ${mark}.new; mv ${mark}.new ${mark}; exec sleep 600' &`,
      "sleep 600",
      "sleep 600",
    ].join("\n");
    define(`stubborn-${flavour}`, script, "timeout_seconds = 1\n");
    const outcome = await send(id, `stubborn-${flavour}`);
    expect(outcome).toMatchObject({ outcome: "error", code: "TIMEOUT" });
    expect(isAlive(Number(readFileSync(mark, "utf8")))).toBe(false);
  });

  test("keeps the head and the tail of what a program floods it with", async () => {
    define("flood", "echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo last");
    const outcome = await send(id, "flood");
    expect(outcome.outcome).toBe("success");
    expect(outcome.message).toMatch(/^first\nx+\n\[… \d+ bytes omitted …\]\nx+\nlast$/);
    expect(outcome.message?.length).toBeLessThan(16_384);
  });

  test("does not wait for a daemon that holds a program's output open", async () => {
    const mark = join(`${dataDir}`, `${id}.daemon`);
    define("daemon", `sleep 600 &\necho $! > ${mark}\necho started\nexec 1>&-`);
    expect(await send(id, "daemon")).toMatchObject({ outcome: "success", message: "started" });
    const pid = Number(await written(mark));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("tells what a program that cannot be started is missing", async () => {
    const text = 'description = "d"\nargv = ["/no/such/program"]\n';
    writeFileSync(join(commandsDir, "absent.toml"), text);
    const outcome = await send(id, "absent");
    expect(outcome).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
    expect(outcome.message).toContain('cannot start "/no/such/program"');
  });

  test("refuses wrong parameters and faulty manifests, and says what is wrong", async () => {
    define("strict", "exit 0", '[parameters.properties.n]\ntype = "integer"\n');
    // By the control plane if the agent has announced it already, and else by the agent.
    const to = ["--agent", id, "--data-dir", `${dataDir}`, "--json"];
    const { stdout, stderr, code } = await wsctl(["send", "strict", ...to, "--param", 'n="x"']);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain("parameters.n must be of the type integer");
    writeFileSync(join(commandsDir, "faulty.toml"), "argv = 3");
    const faulty = await send(id, "faulty");
    expect(faulty).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
    expect(faulty.message).toContain("faulty.toml: description is missing");
  });
});

test("manifests are listed, checked and begun on the command line", async () => {
  using dir = temporaryDir();
  const at = ["--commands-dir", join(`${dir}`, "commands.d")];
  const made = await wsctl(["commands", "create", "deploy", ...at]);
  expect(made.code).toBe(0);
  expect((await wsctl(["commands", "lint", ...at])).stdout).toBe(
    "ok    commands.d/deploy.toml: deploy\n",
  );
  expect((await wsctl(["commands", "create", "deploy", ...at])).code).toBe(2);
  writeFileSync(join(`${dir}`, "commands.d", "bad.toml"), 'description = "d"\nargv = ["a{b}"]');
  const { code, stdout } = await wsctl(["commands", "lint", ...at]);
  expect(code).toBe(1);
  expect(stdout).toContain('FAIL  commands.d/bad.toml: argv[0]: no parameter is called "b"');
  const listed = (await wsctl(["commands", ...at])).stdout;
  expect(listed).toMatch(/^deploy +manifest +always +says hello$/m);
  expect(listed).toMatch(/^ping +built in/m);
});
