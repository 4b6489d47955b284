/** `wsctl exec`: a program on agents, written as at a shell and run without one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { parametersBytesMax } from "../../../lib/protocol/limits.ts";
import {
  connectedAgent,
  type Running,
  type RunOptions,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
let serving: Serving;
const agents: Running[] = [];

/** Runs `exec` with a target and a data directory before the given words. */
function exec(agent: string, words: string[], options?: RunOptions) {
  const to = ["--agent", agent, "--data-dir", `${dataDir}`, "--ttl", "30s"];
  return wsctl(["exec", ...to, ...words], options);
}

beforeAll(async () => {
  serving = await startServe({ dataDir });
  const args = ["echo **", "cat", "false", "sh -c **"].flatMap((each) => ["--allow-exec", each]);
  for (const id of ["a1", "a2"]) agents.push(await connectedAgent({ dataDir, id, args }));
  agents.push(await connectedAgent({ dataDir, id: "shut" }));
});
afterAll(async () => {
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe("exec", () => {
  test("gives the words after -- to the program as they are", async () => {
    const words = ["-h", "--help", "--agent", "$(id)", "a  b", "", "*", "--", "key=1"];
    const { code, stdout } = await exec("a1", ["--json", "--", "echo", ...words]);
    expect(code).toBe(0);
    const outcome = JSON.parse(stdout) as OutcomeLine;
    expect(outcome).toMatchObject({ agent: "a1", command: "exec", outcome: "success" });
    expect(outcome.message).toBe(words.join(" "));
  });

  test("prints and ends as send does", async () => {
    const shown = await exec("a1", ["--", "echo", "hello"]);
    expect(shown.stdout).toMatch(/^\[a1\] hello\na1 {2}success {2}\(\d+ ms\)\n$/);
    expect(await exec("a1", ["--", "false"])).toMatchObject({ code: 1 });
    const grouped = await exec("a1,a2", ["--batch", "1", "--group-by-output", "--", "echo", "x"]);
    expect(grouped.stdout).toMatch(/^2 agents: {2}success\n {2}a1, a2\n/);
    const shot = await exec("a1", ["--no-wait", "--json", "--", "echo", "x"]);
    expect(JSON.parse(shot.stdout)).toMatchObject({ requests: [{ agent: "a1" }] });
    const dry = await exec("a1", ["--dry-run", "--", "echo", "x"]);
    expect(dry.stderr).toContain("nothing was sent");
  });

  test.each([["shut"], ["a1"]])(
    "names --allow-exec if the host %s does not allow it",
    async (id) => {
      const { code, stdout } = await exec(id, ["--", "id"]);
      expect(code).toBe(1);
      expect(stdout).toContain("FORBIDDEN");
      expect(stdout).toContain("agent --allow-exec");
    },
  );

  test.each([
    [["df", "-h"], 'Unexpected argument "df" before --: write flags, then --, then the program'],
    [["df", "--help"], 'Unexpected argument "df" before --'],
    [["df", "--", "-h"], 'Unexpected argument "df" before --'],
    [["-x", "--", "df"], "Unknown flag -x"],
    [[], "Missing -- and a program: write them last, such as -- df -h"],
    [["--"], "Missing program after --"],
    [["--", ""], "Missing program after --"],
    [["--param", "argv=1", "--", "df"], "Unknown flag --param"],
  ])("%j is an error that says what to write", async (words, message) => {
    const { code, stdout, stderr } = await exec("a1", words);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("shows its help if no program is written", async () => {
    const { code, stdout } = await wsctl(["exec", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("wsctl exec [FLAGS] -- PROGRAM [ARGUMENT…]");
    expect(stdout).toContain("wsctl exec --all -- df -h");
  });
});

describe("exec --stdin", () => {
  const file = join(`${dataDir}`, "input");
  const text = '\ufeffone\r\ntwo "ä"\n';

  test("passes a file and a pipe unchanged", async () => {
    writeFileSync(file, text);
    for (const [from, options] of [[`@${file}`, {}] as const, ["-", { stdin: text }] as const]) {
      const args = ["--json", "--stdin", from, "--", "sh", "-c", "od -An -tx1 | tr -d ' \\n'"];
      const { stdout } = await exec("a1", args, options);
      expect((JSON.parse(stdout) as OutcomeLine).message).toBe(Buffer.from(text).toString("hex"));
    }
  });

  test.each([
    ["x".repeat(parametersBytesMax + 1), "it has more than 49152 bytes"],
    [
      '"'.repeat(parametersBytesMax / 2),
      "Cannot run exec: its arguments and --stdin have 49179 bytes",
    ],
    ["x".repeat(parametersBytesMax), "Cannot run exec: its arguments and --stdin have 49179 bytes"],
  ])("has a limit (case %#)", async (long, message) => {
    writeFileSync(file, long);
    for (const [from, options] of [[`@${file}`, {}] as const, ["-", { stdin: long }] as const]) {
      const { code, stderr } = await exec("a1", ["--stdin", from, "--", "cat"], options);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
  });

  test("exec --stdin: an unusable file is named in the error", async () => {
    writeFileSync(file, Buffer.from([0x66, 0xfc]));
    for (const [value, message] of [
      [`@${file}`, "it is not UTF-8"],
      [`@${file}.missing`, "ENOENT"],
      ["file", 'Flag --stdin is "file": expected @FILE, or - for standard input'],
      ["@", 'Flag --stdin is "@"'],
    ] as const) {
      const { code, stderr } = await exec("a1", ["--stdin", value, "--", "cat"]);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
    const twice = ["--stdin", "-", "--sign", "k", "--passphrase-file", "-", "--", "cat"];
    const { code, stderr } = await exec("a1", twice, { stdin: "secret" });
    expect(stderr).toContain("another flag has read it");
    expect(code).toBe(2);
  });
});

test("a restart of many agents in batches is one group, as their answers are equal", async () => {
  const to = ["--agent", "a1,a2,shut", "--data-dir", `${dataDir}`, "--batch", "2"];
  const grouped = await wsctl(["send", "restart", ...to, "--group-by-output"]);
  const shown = /^3 agents: {2}success\n {2}a1, a2, shut\n {2}\| restarted, version \S+\n$/;
  expect(grouped.stdout).toMatch(shown);
});

test("commands list says what enables a command that a host must allow", async () => {
  const { stdout } = await wsctl(["commands", "list", "--commands-dir", `${dataDir}`, "--json"]);
  const listed = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const enabled = Object.fromEntries(listed.map((each) => [each.name, each.enabled_by]));
  expect(enabled).toMatchObject({
    ...{ ping: "always", exec: "agent --allow-exec", update: "agent --release-key" },
    ...{ run_script: "agent --allow-scripts", fetch_logs: "a source in logs.d" },
  });
});
