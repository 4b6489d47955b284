/**
 * How a program ends is what it did itself: neither a reader that does not read nor a stop that
 * comes too late makes anything else of it.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { subscriptionLeaseMs } from "../../../lib/protocol/limits.ts";
import { adminToken } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  flavours,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { announced, gone, isAlive, written } from "../../support/processes/programs.ts";

setDefaultTimeout(120_000);

const dataDir = temporaryDir();
const commandsDir = join(`${dataDir}`, "commands.d");
let serving: Serving;

/** Writes numbered lines until nothing has taken any for two seconds; what it does `then`. */
const fillsItsPipe = (then: string) => `#!/usr/bin/env python3
import json, os, select
count, rest = 0, b""
os.set_blocking(1, False)
while rest or select.select([], [1], [], 2)[1]:
    if not rest:
        count += 1
        rest = b"line %d " % count + b"x" * 990 + b"\\n"
    if not select.select([], [1], [], 2)[1]:
        break
    try:
        rest = rest[os.write(1, rest):]
    except BlockingIOError:
        pass
${then}
`;
const saysHowMuch = `with open(os.environ["WSCTL_RESULT_FILE"], "w") as file:
    json.dump({"begun": count, "cut": len(rest)}, file)`;

beforeAll(async () => {
  mkdirSync(commandsDir);
  serving = await startServe({ dataDir });
});
afterAll(async () => {
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

function define(name: string, script: string, rest = ""): void {
  const path = join(commandsDir, `${name}.sh`);
  writeFileSync(path, script.startsWith("#!") ? script : `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const argv = JSON.stringify([path]);
  writeFileSync(join(commandsDir, `${name}.toml`), `description = "d"\nargv = ${argv}\n${rest}`);
}

/** The one outcome of a job, once it is there, whatever its output does. */
async function outcome(jobId: string): Promise<OutcomeLine> {
  const response = await fetch(`${serving.url}/api/v1/jobs/${jobId}/outcomes`, {
    headers: { Authorization: `Bearer ${adminToken(dataDir)}` },
  });
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return JSON.parse(lines.at(-1) ?? "") as OutcomeLine;
}

describe.each(flavours)("an agent on %s", (flavour) => {
  const id = `on-${flavour}`;
  const at = (name: string) => join(`${dataDir}`, `${id}.${name}`);
  let agent: Running;
  beforeAll(async () => {
    agent = await connectedAgent({
      ...{ dataDir, id, flavour, args: ["--commands-dir", commandsDir] },
    });
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  const words = (name: string) => [
    ...["send", name, "--agent", id, "--data-dir", `${dataDir}`],
    ...["--ttl", "60s", "--timeout", "5m"],
  ];
  /** Sends from a shell that does something with the output; with the job's id. */
  async function shell(name: string, reader: string): Promise<[Running, string]> {
    const from = serving.process.lines.length;
    const command = [...wsctlCommand("binary"), ...words(name)].map((word) => `'${word}'`);
    const running = new Running(["/bin/sh", "-c", `${command.join(" ")} | ${reader}`]);
    return [running, (await serving.process.logged(/job accepted job_id=(\S+)/, from))[1] ?? ""];
  }

  test("answers how a program ended whose reader does not read, and keeps what it said", async () => {
    const [go, all] = [at("go"), at("all")];
    define("fills", fillsItsPipe(saysHowMuch));
    await announced(`${dataDir}`, id, "fills");
    const reader = `(while [ -d ${dataDir} ] && [ ! -e ${go} ]; do sleep 0.1; done; cat > ${all})`;
    const [operator, jobId] = await shell("fills", reader);
    await using _ = operator;
    const ended = await outcome(jobId);
    expect(ended).toMatchObject({ outcome: "success" });
    const { begun, cut } = ended.result as { begun: number; cut: number };
    writeFileSync(go, "");
    expect(await operator.exited).toBe(0);
    const lines = readFileSync(all, "utf8").split("\n");
    const whole = lines.filter((line) => /^\[\S+\] line \d+ x{990}$/.test(line));
    const numbers = whole.map((line) => Number(line.split(" ")[2]));
    expect(numbers.findIndex((number, index) => number !== index + 1)).toBe(-1);
    expect(whole).toHaveLength(cut > 0 ? begun - 1 : begun);
    expect(operator.lines).toEqual([`Job ${jobId}`]);
  });

  test("ends as stopped when it is withdrawn while its reader does not read", async () => {
    const [go, mark] = [at("go-flood"), at("full")];
    const then = [
      `open("${mark}", "w").write("full\\n")`,
      "os.set_blocking(1, True)",
      'while True: os.write(1, b"x" * 1000)',
    ].join("\n");
    define(`full-${flavour}`, fillsItsPipe(then));
    await announced(`${dataDir}`, id, `full-${flavour}`);
    const [operator, jobId] = await shell(
      `full-${flavour}`,
      `(while [ -d ${dataDir} ] && [ ! -e ${go} ]; do sleep 0.1; done)`,
    );
    await using _ = operator;
    await written(mark);
    await wsctl(["jobs", "cancel", jobId, "--data-dir", `${dataDir}`]);
    expect(await outcome(jobId)).toMatchObject({ outcome: "cancelled", code: "STOPPED" });
    writeFileSync(go, "");
  });

  test("a program whose reader has left goes on at once", async () => {
    define("much", "yes | head -c 100000000; echo; echo said");
    await announced(`${dataDir}`, id, "much");
    const [operator, jobId] = await shell("much", "head -1");
    await using _ = operator;
    const ended = await outcome(jobId);
    expect(ended.message).toMatch(/\nsaid$/);
    expect(ended.outcome).toBe("success");
    // Sooner than any lease runs out.
    expect(ended.duration_ms ?? subscriptionLeaseMs).toBeLessThan(subscriptionLeaseMs / 2);
    expect(operator.lines.toSorted()).toEqual([`Job ${jobId}`, `[${id}] y`]);
  });

  test("a stop reaches what left the group, the session and the environment of its program", async () => {
    const mark = at("escaped");
    const shown = `echo $$ > ${mark}.new; mv ${mark}.new ${mark}`;
    const escaping = `setsid env -i PATH="$PATH" sh -c 'trap "" TERM; ${shown}; exec sleep 600'`;
    define(`escapes-${flavour}`, `${escaping} &\nsleep 600`);
    await announced(`${dataDir}`, id, `escapes-${flavour}`);
    const [operator, jobId] = await shell(`escapes-${flavour}`, "cat");
    await using _ = operator;
    const escaped = Number(await written(mark));
    await wsctl(["jobs", "cancel", jobId, "--data-dir", `${dataDir}`]);
    expect(await outcome(jobId)).toMatchObject({ outcome: "cancelled", code: "STOPPED" });
    await gone(escaped);
  });

  test("what a program started has the whole grace to end, also when the program does not", async () => {
    const [mark, cleaned] = [at("child"), at("cleaned")];
    const cleaning = `trap 'sleep 1.5; echo done > ${cleaned}; echo goodbye; exit' TERM`;
    const child = `(${cleaning}; echo $$ > ${mark}; while :; do sleep 0.05; done) &`;
    define(`cleans-${flavour}`, `${child}\nexec sleep 600`);
    await announced(`${dataDir}`, id, `cleans-${flavour}`);
    const [operator, jobId] = await shell(`cleans-${flavour}`, "cat");
    await using _ = operator;
    await written(mark);
    await wsctl(["jobs", "cancel", jobId, "--data-dir", `${dataDir}`]);
    const ended = await outcome(jobId);
    expect(ended).toMatchObject({ outcome: "cancelled", code: "STOPPED" });
    expect(ended.message).toMatch(/\ngoodbye$/);
    expect(readFileSync(cleaned, "utf8")).toBe("done\n");
  });

  test("a stop that comes after the end changes nothing, and reaches nothing left behind", async () => {
    const [mark, daemon, go] = [at("mark"), at("daemon"), at("go-end")];
    const script = [
      "sleep 600 &",
      `echo $! > ${daemon}; echo $$ $PPID > ${mark}`,
      `while [ ! -e ${go} ]; do sleep 0.05; done; echo done`,
    ].join("\n");
    define(`leaves-${flavour}`, script);
    await announced(`${dataDir}`, id, `leaves-${flavour}`);
    const [operator, jobId] = await shell(`leaves-${flavour}`, "cat");
    await using _ = operator;
    const [pid = 0, supervisor = 0] = (await written(mark)).split(" ").map(Number);
    // The supervisor hears of both at once: of the end, which was first, and of the stop.
    process.kill(supervisor, "SIGSTOP");
    writeFileSync(go, "");
    await gone(pid);
    await wsctl(["jobs", "cancel", jobId, "--data-dir", `${dataDir}`]);
    process.kill(supervisor, "SIGCONT");
    expect(await outcome(jobId)).toMatchObject({ outcome: "success", message: "done" });
    const left = Number(readFileSync(daemon, "utf8"));
    expect(isAlive(left)).toBe(true);
    process.kill(left, "SIGKILL");
  });
});
