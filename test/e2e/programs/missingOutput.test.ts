/** What happens to output that cannot reach the operator: it is told where it is missing. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { written } from "../../support/processes/programs.ts";

setDefaultTimeout(120_000);

const dataDir = temporaryDir();
const commandsDir = join(`${dataDir}`, "commands.d");
const at = (name: string) => join(`${dataDir}`, name);
let serving: Serving;
let agent: Running;
const start = () => connectedAgent({ dataDir, id: "web-1", args: ["--commands-dir", commandsDir] });
const words = (command: string, ...more: string[]) => [
  ...["send", command, "--agent", "web-1", "--data-dir", `${dataDir}`, "--ttl", "60s", ...more],
];
const list = (dir: string, name: string) => readFileSync(join(dir, name), "utf8");

function define(name: string, script: string, rest = "timeout_seconds = 300\n"): void {
  const path = join(commandsDir, `${name}.sh`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const argv = JSON.stringify([path]);
  writeFileSync(join(commandsDir, `${name}.toml`), `description = "d"\nargv = ${argv}\n${rest}`);
}

beforeAll(async () => {
  mkdirSync(commandsDir);
  serving = await startServe({ dataDir });
  define("part", partScript());
  define("long", `seq 1 5000; exit 3`);
  define(
    "large",
    `head -c 40000 /dev/zero | tr '\\0' a | sed 's/.*/{"a":"&"}/' > $WSCTL_RESULT_FILE; echo said`,
  );
  define(
    "unstored",
    `for i in $(seq 64); do echo $i > $WSCTL_ARTIFACT_DIR/$i; done
head -c 40000 /dev/zero | tr '\\0' a | sed 's/.*/{"a":"&"}/' > $WSCTL_RESULT_FILE; echo said`,
  );
  agent = await start();
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

/** Writes two lines, and one more when nobody is connected. */
function partScript(): string {
  const wait = `while [ ! -e ${at("go")} ]; do sleep 0.05; done`;
  return `echo one; echo two; echo begun > ${at("mark")}; ${wait}; echo three; echo over > ${at("over")}`;
}

/** Runs `part`, and lets the agent lose what the program writes after the second line. */
async function loseOutput(operator: Running, hasSeen: () => Promise<unknown>): Promise<void> {
  for (const name of ["go", "mark", "over"]) rmSync(at(name), { force: true });
  await written(at("mark"));
  await hasSeen();
  await agent.kill();
  writeFileSync(at("go"), "");
  await written(at("over"));
  const runs = join(`${dataDir}`, "agents", "web-1", "runs");
  for (const run of readdirSync(runs)) {
    for (const file of readdirSync(join(runs, run))) {
      if (file.startsWith("output-")) rmSync(join(runs, run, file));
    }
  }
  agent = await start();
  await operator.exited;
}

test("live output: a gap is told where it is, and the stored message goes on from there", async () => {
  await using operator = new Running([...wsctlCommand("binary"), ...words("part")]);
  await loseOutput(operator, () => operator.logged(/^\[web-1\] two$/));
  expect(operator.lines.filter((line) => line.startsWith("[web-1]"))).toEqual([
    "[web-1] one",
    "[web-1] two",
    "[web-1] … 1 chunk of output missing here: no longer kept by the agent …",
  ]);
});

test("--output: an incomplete file is named as such, is in the list, and exits 1", async () => {
  const dir = at("part-out");
  await using operator = new Running([
    ...wsctlCommand("binary"),
    ...words("part", "--output", dir),
  ]);
  await loseOutput(operator, () => written(join(dir, "web-1.stdout")));
  expect(await operator.exited).toBe(1);
  expect(list(dir, "succeeded")).toBe("");
  expect(list(dir, "failed")).toMatch(
    /^web-1 success the output is incomplete: web-1\.stdout\.incomplete\n$/,
  );
  expect(list(dir, "web-1.stdout.incomplete")).toContain("of output missing here");
});

test("--output: a stored message that is shortened is not a complete file", async () => {
  const dir = at("long-out");
  await agent.kill();
  await using operator = new Running([...wsctlCommand("binary"), ...words("long", "--no-wait")]);
  const [id = ""] = await operator.logged(/^[0-9a-f-]{36}$/);
  agent = await start();
  const watched = await wsctl([
    "jobs",
    "watch",
    id,
    "--no-stream-output",
    "--data-dir",
    `${dataDir}`,
  ]);
  expect(watched.code).toBe(1);
  const again = await wsctl(["jobs", "watch", id, "--output", dir, "--data-dir", `${dataDir}`]);
  expect(again.code).toBe(1);
  expect(list(dir, "failed")).toContain("the output is incomplete: web-1.stdout.incomplete");
  expect(list(dir, "web-1.stdout.incomplete")).toContain("bytes omitted");
});

test("a result that is too large is an artifact, which live output names and --output fetches", async () => {
  const live = await wsctl(words("large"));
  expect(live.stdout).toMatch(/ {2}result\.json {2}40\.0 KB {2}wsctl artifacts get \S+\n/);
  const dir = at("large-out");
  const { code } = await wsctl(words("large", "--output", dir));
  expect(code).toBe(0);
  expect(statSync(join(dir, "web-1.result.json")).size).toBe(40_008);
  expect(list(dir, "succeeded")).toBe("web-1\n");
});

test("a result that is too large and cannot be stored is reported", async () => {
  const live = await wsctl(words("unstored"));
  expect(live.stdout).toContain("[web-1] the result was omitted: its 40008 bytes exceed");
  expect(live.stdout).toContain('cannot store "result.json"');
  const dir = at("unstored-out");
  expect((await wsctl(words("unstored", "--output", dir))).code).toBe(1);
  expect(list(dir, "failed")).toContain("web-1 success the result was omitted: its 40008 bytes");
});

test("--output: a command that never started leaves no file of output; the list has the reason", async () => {
  const dir = at("none-out");
  const sent = await wsctl(words("absent", "--output", dir));
  expect(sent.code).toBe(1);
  expect(readdirSync(dir).sort()).toEqual(["failed", "succeeded"]);
  expect(list(dir, "failed")).toMatch(
    /^web-1 error INVALID_COMMAND .*'absent' is not recognized.*\n$/,
  );
});
