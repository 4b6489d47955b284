/** Programs that do not behave: what they cost is bounded, and what is said of them is true. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { OutcomeLine } from "../../lib/protocol/api/views.ts";
import { jsonLines } from "../support/processes/cli.ts";
import { Peaks } from "../support/processes/memory.ts";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../support/processes/processes.ts";
import { announced, gone, isAlive, written } from "../support/processes/programs.ts";

setDefaultTimeout(120_000);

const dataDir = temporaryDir();
const commandsDir = join(`${dataDir}`, "commands.d");
const at = (name: string) => join(`${dataDir}`, name);
const floodBytes = 10_000_000_000;
/**
 * A runtime collects garbage late, and `serve` has a second heap, that of the thread of its index:
 * its peaks are between 205 and 230 MB, whatever the length of the output.
 */
const mostBytes = 256e6;
let serving: Serving;
let agent: Running;

/** A manifest whose program is this shell script. */
function define(name: string, script: string, rest = ""): void {
  const path = join(commandsDir, `${name}.sh`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const argv = JSON.stringify([path]);
  writeFileSync(join(commandsDir, `${name}.toml`), `description = "d"\nargv = ${argv}\n${rest}`);
}

const words = (name: string, ...more: string[]) => [
  ...["send", name, "--agent", "web-1", "--ttl", "60s", "--data-dir", `${dataDir}`],
  ...(more.includes("--timeout") ? more : ["--timeout", "5m", ...more]),
];

async function send(name: string, ...more: string[]): Promise<OutcomeLine> {
  const [outcome] = jsonLines<OutcomeLine>(await wsctl(words(name, "--json", ...more)));
  return outcome as OutcomeLine;
}

/** The id of the job that is accepted behind this place in the control plane's log. */
const accepted = async (from: number) =>
  (await serving.process.logged(/job accepted job_id=(\S+)/, from))[1] ?? "";

beforeAll(async () => {
  mkdirSync(commandsDir);
  serving = await startServe({ dataDir });
  agent = await connectedAgent({ dataDir, id: "web-1", args: ["--commands-dir", commandsDir] });
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

/** That nobody holds too much as long as this operator's command goes on. */
async function expectBounded(operator: Running): Promise<void> {
  const peaks = new Peaks({ send: operator.pid });
  while (!operator.hasExited) {
    peaks.look(`${dataDir}`, ["supervise"]);
    await fetch(`${serving.url}/healthz`);
  }
  expectFew(peaks, ["agent", "send", "serve", "supervise"]);
}

function expectFew(peaks: Peaks, names: string[]): void {
  peaks.add("serve", serving.process.pid);
  peaks.add("agent", agent.pid);
  const told = [...peaks.all].map(([name, peak]) => `${name} ${Math.round(peak / 1e6)} MB`);
  process.stderr.write(`      at most: ${told.join(", ")}\n`);
  expect([...peaks.all.keys()].sort()).toEqual(names);
  expect([...peaks.all].filter(([, peak]) => peak >= mostBytes)).toEqual([]);
}

describe("ten gigabytes on standard output", () => {
  beforeAll(async () => {
    const flood = `head -c ${floodBytes} /dev/zero`;
    define("flood", `echo first; ${flood}; echo; echo '{"flooded": true}'; exit 3`);
    define("quick-flood", `echo first; ${flood}`, "timeout_seconds = 2\n");
    await announced(`${dataDir}`, "web-1", "flood");
  });

  test("that nobody follows cost no memory, and the outcome is that of the program", async () => {
    const command = [...wsctlCommand("binary"), ...words("flood", "--json")];
    await using operator = new Running(command);
    await expectBounded(operator);
    const outcome = JSON.parse(operator.lines.join("\n")) as OutcomeLine;
    expect(outcome).toMatchObject({ outcome: "failed", result: { flooded: true } });
    const [, cut = ""] = /\[… (\d+) bytes omitted …\]/.exec(outcome.message ?? "") ?? [];
    expect(floodBytes - Number(cut)).toBeLessThan(16 * 1024);
    expect(outcome.message).toStartWith("exited with status 3\nfirst\n\0\0\0");
  });

  test("that somebody follows cost no memory, and the timeout ends them", async () => {
    const options = ["--timeout", "8s", "--output", at("out-flood")];
    const command = [...wsctlCommand("binary"), ...words("flood", ...options)];
    await using operator = new Running(command);
    await expectBounded(operator);
    expect(operator.lines.join("\n")).toMatch(/^web-1 {2}error {2}TIMEOUT/m);
    expect(await operator.exited).toBe(1);
    const stdout = readFileSync(at("out-flood/web-1.stdout"));
    expect(stdout.subarray(0, 6).toString()).toBe("first\n");
    expect(stdout.subarray(6).every((byte) => byte === 0)).toBe(true);
    expect(stdout.length).toBeGreaterThan(1_000_000);
  });

  test("whose follower does not read are held back, and cost no memory", async () => {
    const all = words("flood", "--timeout", "8s");
    const sending = [...wsctlCommand("binary"), ...all].map((word) => `'${word}'`).join(" ");
    const reader = `while [ ! -e ${at("read")} ]; do sleep 0.1; done; cat > /dev/null`;
    const from = agent.lines.length;
    await using operator = new Running(["/bin/sh", "-c", `${sending} | (${reader})`]);
    const ended = agent.logged(/ended command=flood/, from);
    const peaks = new Peaks();
    let isOver = false;
    while (!isOver) {
      peaks.look(`${dataDir}`, ["supervise", "send"]);
      isOver = await Promise.race([ended.then(() => true), Bun.sleep(50).then(() => false)]);
    }
    writeFileSync(at("read"), "");
    await operator.exited;
    expectFew(peaks, ["agent", "send", "serve", "supervise"]);
  });

  test("of which a part is followed to its end arrive whole", async () => {
    const bytes = 100_000_000;
    define("followed", `head -c ${bytes} /dev/zero; echo last`);
    await announced(`${dataDir}`, "web-1", "followed");
    const command = [...wsctlCommand("binary"), ...words("followed", "--output", at("out-part"))];
    await using operator = new Running(command);
    await expectBounded(operator);
    expect(await operator.exited).toBe(0);
    const stdout = readFileSync(at("out-part/web-1.stdout"));
    expect(stdout.length).toBe(bytes + 5);
    expect(stdout.subarray(bytes).toString()).toBe("last\n");
  });

  test("are ended at the timeout", async () => {
    const outcome = await send("quick-flood");
    expect(outcome).toMatchObject({ outcome: "error", code: "TIMEOUT" });
    expect(outcome.message).toStartWith("the command was stopped at its timeout of 2 s\nfirst\n");
  });
});

describe("a program that", () => {
  test("ignores SIGTERM is killed when its job is cancelled", async () => {
    define("stubborn", `trap '' TERM; echo $$ > ${at("stubborn")}; while :; do sleep 600; done`);
    const from = serving.process.lines.length;
    const answer = send("stubborn");
    const pid = Number(await written(at("stubborn")));
    await wsctl(["jobs", "cancel", await accepted(from), "--data-dir", `${dataDir}`]);
    expect(await answer).toMatchObject({ outcome: "cancelled", code: "STOPPED" });
    expect(isAlive(pid)).toBe(false);
  });

  test("leaves a daemon behind and ends has succeeded, and the daemon goes on", async () => {
    define("daemon", `setsid sh -c 'echo $$ > ${at("daemon")}; exec sleep 600' & echo started`);
    expect(await send("daemon")).toMatchObject({ outcome: "success", message: "started" });
    const pid = Number(await written(at("daemon")));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("closes its output and goes on is waited for", async () => {
    const wait = `while [ ! -e ${at("closed-go")} ]; do sleep 0.05; done`;
    define("closed", `echo said; exec >&- 2>&-; echo > ${at("closed")}; ${wait}; exit 5`);
    const answer = send("closed");
    await written(at("closed"));
    const pending = await wsctl(["jobs", "--json", "--data-dir", `${dataDir}`]);
    expect(jsonLines<{ ended: number }>(pending)[0]?.ended).toBe(0);
    writeFileSync(at("closed-go"), "");
    expect(await answer).toMatchObject({
      outcome: "failed",
      message: "exited with status 5\nsaid",
      result: { exit_code: 5 },
    });
  });

  test("closes its output and is stopped at its timeout is no success", async () => {
    define("silent", "exec >&- 2>&-; trap '' TERM; sleep 600; sleep 600", "timeout_seconds = 1\n");
    expect(await send("silent")).toMatchObject({ outcome: "error", code: "TIMEOUT" });
  });

  test("must not be stopped is not, when its job is cancelled", async () => {
    const wait = `while [ ! -e ${at("kept-go")} ]; do sleep 0.05; done`;
    const script = `trap 'echo stopped' TERM; echo > ${at("kept")}; ${wait}; echo done`;
    define("kept", script, "cancellable = false\n");
    const from = serving.process.lines.length;
    const answer = send("kept");
    await written(at("kept"));
    const words = ["jobs", "cancel", await accepted(from), "--data-dir", `${dataDir}`];
    expect((await wsctl(words)).code).toBe(0);
    // The same connection, later: had it been told to stop, it would have been by now.
    expect((await send("ping")).outcome).toBe("success");
    writeFileSync(at("kept-go"), "");
    expect(await answer).toMatchObject({ outcome: "success", message: "done" });
  });

  test("must not be stopped is all the same at its timeout", async () => {
    define("kept-long", "sleep 600", "cancellable = false\ntimeout_seconds = 1\n");
    expect(await send("kept-long")).toMatchObject({ outcome: "error", code: "TIMEOUT" });
  });

  test("leaves a result that is too large succeeds, and is told of it", async () => {
    const json = 'printf \'{"a": "%s"}\'';
    const fill = (bytes: number) => `"$(head -c ${bytes} /dev/zero | tr '\\0' x)"`;
    define("large", `${json} ${fill(40_000)} > $WSCTL_RESULT_FILE; echo said`);
    const large = await send("large");
    expect(large).toMatchObject({ outcome: "success", result: { exit_code: 0 } });
    expect(large.message).toBe(
      "said\n[the result was omitted: its 40009 bytes exceed 32768 bytes]",
    );
    define("largest", `${json} ${fill(32_768 - 9)} > $WSCTL_RESULT_FILE; echo said`);
    const largest = await send("largest");
    expect(largest).toMatchObject({ outcome: "success", message: "said" });
    expect(JSON.stringify(largest.result)).toHaveLength(32_768 - 1);
  });

  test("writes a result that is no JSON has its exit status for a result", async () => {
    define("crooked", 'echo "{broken" > $WSCTL_RESULT_FILE; echo said; exit 2');
    expect(await send("crooked")).toMatchObject({ outcome: "failed", result: { exit_code: 2 } });
  });

  test("has lost its directory is lost, and leaves no supervisor behind", async () => {
    const wait = `while [ ! -e ${at("swept-go")} ]; do sleep 0.05; done`;
    define("swept", `echo $PPID > ${at("swept")}; ${wait}`);
    const answer = send("swept");
    const supervisor = Number(await written(at("swept")));
    // By then the agent has found the supervisor, and sees it go at once.
    await send("ping");
    rmSync(at("agents/web-1/runs"), { recursive: true });
    mkdirSync(at("agents/web-1/runs"));
    writeFileSync(at("swept-go"), "");
    await gone(supervisor);
    expect(await answer).toMatchObject({ outcome: "lost", code: "INTERRUPTED" });
  });
});
