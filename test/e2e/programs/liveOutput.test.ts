/**
 * What programs write reaches the operator while they run: whole, in order, and no faster than it
 * is read.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { OutcomeLine, OutputLine, StreamLine } from "../../../lib/protocol/api/views.ts";
import { adminToken } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Flavour,
  flavours,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { written } from "../../support/processes/programs.ts";
import { Target } from "../../support/processes/target.ts";

setDefaultTimeout(120_000);

const pairs: [control: Flavour, agent: Flavour][] = [
  ...flavours.map((flavour): [Flavour, Flavour] => ["binary", flavour]),
  ["deno", "binary"],
];

describe.each(pairs)("control plane on %s, agent on %s", (control, flavour) => {
  const dataDir = temporaryDir();
  const commandsDir = join(`${dataDir}`, "commands.d");
  const at = (name: string) => join(`${dataDir}`, name);
  let serving: Serving;
  let agent: Running;
  const start = (id: string) =>
    connectedAgent({ dataDir, id, flavour, args: ["--commands-dir", commandsDir] });
  const sendWords = (...words: string[]) => [
    ...wsctlCommand("binary"),
    ...["send", ...words, "--agent", "web-1", "--data-dir", `${dataDir}`, "--ttl", "60s"],
  ];

  function define(name: string, script: string, rest = "timeout_seconds = 300\n"): void {
    const path = join(commandsDir, `${name}.sh`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    const argv = JSON.stringify([path]);
    writeFileSync(join(commandsDir, `${name}.toml`), `description = "d"\nargv = ${argv}\n${rest}`);
  }

  /** A job's stream over HTTP, parsed line by line. */
  async function* stream(path: string, body: object): AsyncGenerator<StreamLine> {
    const response = await fetch(`${serving.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: {
        Authorization: `Bearer ${adminToken(dataDir)}`,
        Accept: "application/x-ndjson",
        "Content-Type": "application/json",
      },
    });
    let rest = "";
    for await (const bytes of response.body ?? []) {
      const lines = (rest + Buffer.from(bytes).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line);
    }
  }

  beforeAll(async () => {
    mkdirSync(commandsDir);
    serving = await startServe({ dataDir, flavour: control });
    agent = await start("web-1");
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dataDir[Symbol.dispose]();
  });

  test("lines are seen while the program runs, each under its agent, never obeyed", async () => {
    const go = at("go-lines");
    const script = [
      "printf 'one \\033[2Jtwo\\r\\n'",
      "printf 'half' ; printf 'to stderr\\n' >&2; sleep 0.2; printf ' and half\\n'",
      `while [ ! -e ${go} ]; do sleep 0.05; done`,
      "printf 'no end'; exit 4",
    ].join("\n");
    define("lines", script);
    await using operator = new Running([...sendWords("lines"), "--timeout", "60s"]);
    await operator.logged(/^\[web-1\] one \\x1b\[2Jtwo$/);
    await operator.logged(/^\[web-1\] to stderr$/);
    await operator.logged(/^\[web-1\] half and half$/);
    writeFileSync(go, "");
    await operator.logged(/^\[web-1\] no end$/);
    await operator.logged(/^web-1 {2}failed {2}exited with status 4 {2}\(\d+ ms\)$/);
    expect(await operator.exited).toBe(1);
    expect(operator.lines.filter((line) => line.includes("half and half"))).toHaveLength(1);
  });

  test("a flood is whole, and waits for an operator who does not read", async () => {
    const progress = at("progress");
    const go = at("go-flood");
    const all = at("flood.txt");
    const pad = "x".repeat(90);
    const script = [
      "i=0; while [ $i -lt 400 ]; do",
      `seq -f 'line %.0f ${pad}' $((i*1000+1)) $((i*1000+1000)); i=$((i+1)); echo $i > ${progress}`,
      "done",
    ].join("\n");
    define("flood", script);
    const words = [...sendWords("flood"), "--timeout", "5m"].map((word) => `'${word}'`).join(" ");
    const reader = `(while [ ! -e ${go} ]; do sleep 0.1; done; cat > ${all})`;
    await using shell = new Running(["/bin/sh", "-c", `${words} | ${reader}`]);
    const reached = await standstill(progress);
    expect(reached).toBeLessThan(300);
    writeFileSync(go, "");
    expect(await shell.exited).toBe(0);
    const lines = readFileSync(all, "utf8").trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(/^web-1 {2}success/);
    const wrong = lines.slice(0, -1).findIndex((line, index) => {
      return line !== `[web-1] line ${index + 1} ${pad}`;
    });
    expect({ wrong, count: lines.length - 1 }).toEqual({ wrong: -1, count: 400_000 });
    expect(shell.lines).toEqual([expect.stringMatching(/^Job \S+$/)]);
  });

  test("an agent that is killed goes on where it stopped, and so does a control plane", async () => {
    const [mark, go, stop] = [at("mark"), at("go-kill"), at("stop-kill")];
    const wait = (path: string) => `while [ ! -e ${path} ]; do sleep 0.05; done`;
    const script = `echo a; echo begun > ${mark}; ${wait(go)}; echo b; ${wait(stop)}; echo c`;
    define("long", script);
    await using operator = new Running([...sendWords("long"), "--timeout", "120s"]);
    await operator.logged(/^\[web-1\] a$/);
    await written(mark);
    await agent.kill();
    agent = await start("web-1");
    writeFileSync(go, "");
    await operator.logged(/^\[web-1\] b$/);
    await serving.process.kill();
    serving = await startServe({ dataDir, flavour: control, port: serving.port });
    writeFileSync(stop, "");
    expect(await operator.exited).toBe(0);
    const shown = operator.lines.filter((line) => line.startsWith("[web-1]"));
    expect(shown).toEqual(["[web-1] a", "[web-1] b", "[web-1] c"]);
  });

  test("an agent that was away when it was asked is followed from its first line", async () => {
    define("count", "seq 1 3000");
    const all = Array.from({ length: 3_000 }, (_, index) => `${index + 1}\n`).join("");
    // The agent may not have announced the command yet.
    const body = { command: "count", target: { agents: ["web-1"] }, force: true };
    // The command may come with the welcome, or behind it.
    for (let time = 0; time < 4; time++) {
      await agent.kill();
      let text = "";
      for await (const line of stream("/api/v1/jobs?output=true", body)) {
        if ("job" in line) agent = await start("web-1");
        else if ("output" in line) text += (line as OutputLine).output.text ?? "";
        else expect((line as OutcomeLine).outcome).toBe("success");
      }
      expect(text === all).toBe(true);
    }
  });

  test("what is no UTF-8 arrives as it was", async () => {
    define("bytes", "printf '\\377\\000\\n'; printf 'err' >&2");
    const dir = at("bytes-out");
    const { code } = await wsctl([...sendWords("bytes").slice(1), "--output", dir]);
    expect(code).toBe(0);
    expect([...readFileSync(join(dir, "web-1.stdout"))]).toEqual([255, 0, 10]);
    expect(readFileSync(join(dir, "web-1.stderr"), "utf8")).toBe("err");
    expect(readFileSync(join(dir, "succeeded"), "utf8")).toBe("web-1\n");
    expect(readFileSync(join(dir, "failed"), "utf8")).toBe("");
    const again = await wsctl([...sendWords("bytes").slice(1), "--output", dir]);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toContain("it is not empty");
  });

  test.each([
    ["control characters, six bytes of JSON each", "\x1b"],
    ["those among characters of three bytes each", "\0\0\0\0\0漢漢漢漢"],
  ])("%s arrive all the same", async (_, pattern) => {
    const text = pattern.repeat(200_000 / pattern.length);
    writeFileSync(at("escapes"), text);
    define("escapes", `cat ${at("escapes")}`);
    const dir = mkdtempSync(at("escapes-out-"));
    const { code } = await wsctl([...sendWords("escapes").slice(1), "--output", dir]);
    expect(code).toBe(0);
    expect(readFileSync(join(dir, "web-1.stdout"), "utf8") === text).toBe(true);
  });

  test("pieces are numbered, and a stream that is resumed goes on behind what was received", async () => {
    const go = at("go-resume");
    define("resume", `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo second`);
    const target = { agents: ["web-1"] };
    const body = { command: "resume", target, timeout_seconds: 60 };
    let jobId = "";
    let requestId = "";
    for await (const line of stream("/api/v1/jobs?output=true", body)) {
      if (!("output" in line)) continue;
      expect((line as OutputLine).output).toMatchObject({ sequence: 1, text: "first\n" });
      jobId = line.job_id;
      requestId = line.request_id;
      break;
    }
    writeFileSync(go, "");
    const lines: StreamLine[] = [];
    const received = { after: 0, output: { [requestId]: 1 } };
    for await (const line of stream(`/api/v1/jobs/${jobId}/stream`, received)) lines.push(line);
    expect(lines).toHaveLength(2);
    expect((lines[0] as OutputLine).output).toMatchObject({ sequence: 2, text: "second\n" });
    expect((lines[1] as OutcomeLine).outcome).toBe("success");
  });
});

test("an agent of the standard alone is not bothered, and its outcome does not wait", async () => {
  await using target = await Target.start("binary");
  await using agent = await target.agent();
  const body = JSON.stringify({ command: "work", target: { agents: [agent.id] } });
  const answer = fetch(`${target.serving.url}/api/v1/jobs?output=true`, {
    method: "POST",
    body,
    headers: {
      Authorization: `Bearer ${target.admin}`,
      Accept: "application/x-ndjson",
      "Content-Type": "application/json",
    },
  });
  const { request_id } = await agent.socket.message<{ request_id: string; type: string }>(
    "command",
    ({ type }) => type === "command",
  );
  agent.respond(request_id, { status: "success", message: "done" });
  const lines = (await (await answer).text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).outcome)).toEqual([undefined, "success"]);
  const told = agent.socket.frames.all.filter(({ opcode }) => opcode === 1);
  expect(told).toHaveLength(1);
});

/** The last number in a file that a program has stopped writing to. */
async function standstill(path: string): Promise<number> {
  let last = -1;
  let since = Date.now();
  for (const until = since + 60_000; Date.now() < until; ) {
    const now = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
    if (now !== last && !(now === 0 && last > 0)) {
      last = now;
      since = Date.now();
    } else if (now > 0 && Date.now() - since > 1_500) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} says ${last}, and still changes`);
}
