/** `fetch_logs`: lines of the sources that a host names, small or large, whole and checked. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { announced, written } from "../../support/processes/programs.ts";
import { Gate } from "../../support/servers/gate.ts";

setDefaultTimeout(120_000);

const dataDir = temporaryDir();
const at = (...names: string[]) => join(`${dataDir}`, ...names);
const ids = ["a", "b"] as const;
let serving: Serving;
let gate: Gate;
const agents = new Map<string, Running>();

/** The lines of a day, one a minute, each with its number. */
function day(host: string): string {
  const lines = Array.from({ length: 1_440 }, (_, minute) => {
    const time = new Date(Date.UTC(2026, 2, 10, 0, minute)).toISOString();
    return `${time} ${host} request ${minute} ${minute % 100 === 0 ? "ERROR" : "ok"}\n`;
  });
  return lines.join("");
}

/** More than an answer holds. */
const large = (host: string) => `${host} ${"x".repeat(90)}\n`.repeat(30_000);

async function start(id: string): Promise<void> {
  const args = [
    "--logs-dir",
    at(id, "logs.d"),
    "--server",
    gate.url,
    "--token-file",
    at(id, "token"),
  ];
  agents.set(id, await connectedAgent({ dataDir, id, args }));
}

const agentOf = (id: string) => agents.get(id) as Running;
const words = (agent: string, parameters: object, ...more: string[]) => [
  ...["send", "fetch_logs", "--agent", agent, "--params", JSON.stringify(parameters)],
  ...["--timeout", "15m", "--ttl", "60s", "--data-dir", `${dataDir}`, ...more],
];

async function fetched(parameters: object, id = "a"): Promise<OutcomeLine> {
  const finished = await wsctl(words(id, parameters, "--json"));
  expect(finished.stderr).toBe("");
  return jsonLines<OutcomeLine>(finished)[0] as OutcomeLine;
}

beforeAll(async () => {
  serving = await startServe({ dataDir });
  gate = await Gate.to(serving.port);
  for (const id of ids) {
    mkdirSync(at(id, "logs.d"), { recursive: true });
    const source = (name: string, text: string) =>
      writeFileSync(at(id, "logs.d", `${name}.toml`), text);
    source("app", `files = ["${at(id, "app.log")}"]`);
    source("large", `files = ["${at(id, "large.log")}"]`);
    source("huge", `files = ["${at(id, "huge.log")}"]`);
    const script = `cat ${at(id, "large.log")}; echo > ${at(id, "mark")}; while [ ! -e ${at(id, "go")} ]; do sleep 0.05; done; echo the end`;
    source("slow", `argv = ${JSON.stringify(["/bin/sh", "-c", script])}`);
    writeFileSync(at(id, "app.log"), day(id));
    writeFileSync(at(id, "large.log"), large(id));
    const { stdout } = await wsctl(["tokens", "create", "--agent", id, "--data-dir", `${dataDir}`]);
    writeFileSync(at(id, "token"), stdout);
    await start(id);
    await announced(`${dataDir}`, id, "fetch_logs");
  }
});
afterAll(async () => {
  for (const agent of agents.values()) await agent[Symbol.asyncDispose]();
  await gate?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe("what was asked for", () => {
  const every = (host: string) => day(host).trimEnd().split("\n");

  test("comes within the answer, if it is little", async () => {
    const { outcome, message, result } = await fetched({ source: "app", lines: 3 });
    expect({ outcome, message }).toEqual({
      outcome: "success",
      message: every("a").slice(-3).join("\n"),
    });
    expect(result).toMatchObject({ lines: 3, files: [{ path: at("a", "app.log") }] });
    expect(result).not.toHaveProperty("artifact");
  });

  test("is what fits a pattern and lies between two moments, and of that the last lines", async () => {
    const parameters = { source: "app", grep: "ERROR$" };
    const errors = every("a").filter((line) => line.endsWith("ERROR"));
    expect((await fetched(parameters)).message).toBe(errors.join("\n"));
    const between = { since: "2026-03-10T05:00:00Z", until: "2026-03-10 15:00" };
    const within = errors.filter(
      (line) => line > "2026-03-10T05:00" && line < "2026-03-10T15:00:01",
    );
    expect(within).toHaveLength(7);
    const ranged = await fetched({ ...parameters, ...between });
    expect(ranged.message).toBe(within.join("\n"));
    const last = await fetched({ ...parameters, ...between, lines: 2 });
    expect(last.message).toBe(within.slice(-2).join("\n"));
  });
});

describe("--output", () => {
  const files = (dir: string) => readdirSync(dir).sort();

  test("leaves a file for each agent, named the same for little and for much", async () => {
    const both = ids.join(",");
    for (const [source, whole] of [
      ["app", (id: string) => `${day(id).trimEnd().split("\n").slice(-5).join("\n")}\n`],
      ["large", large],
    ] as const) {
      const dir = at(`out-${source}`);
      const lines = source === "app" ? 5 : "all";
      const finished = await wsctl(words(both, { source, lines }, "--output", dir));
      expect(finished.code).toBe(0);
      expect(files(dir)).toEqual([
        ...ids.map((id) => `${id}.${source}.log`),
        "failed",
        "succeeded",
      ]);
      for (const id of ids)
        expect(readFileSync(join(dir, `${id}.${source}.log`), "utf8")).toBe(whole(id));
      expect(readFileSync(join(dir, "succeeded"), "utf8").trim().split("\n").sort()).toEqual([
        ...ids,
      ]);
      expect(readFileSync(join(dir, "failed"), "utf8")).toBe("");
    }
  });

  test("leaves an empty file where nothing was found, and what did not end with a line as it was", async () => {
    const dir = at("out-none");
    const none = await wsctl(words("a", { source: "app", grep: "no such" }, "--output", dir));
    expect({ ...none }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^a {2}success/),
      stderr: expect.stringMatching(/^Job \S+\n$/),
    });
    expect(files(dir)).toEqual(["a.app.log", "failed", "succeeded"]);
    expect(readFileSync(join(dir, "a.app.log"), "utf8")).toBe("");
    appendFileSync(at("a", "app.log"), "half a line");
    const half = await wsctl(words("a", { source: "app", lines: 1 }, "--output", at("out-half")));
    expect(half.code).toBe(0);
    expect(readFileSync(at("out-half", "a.app.log"), "utf8")).toBe("half a line");
    writeFileSync(at("a", "app.log"), day("a"));
  });

  test("tells of a file that is not what was collected, and keeps nothing of it", async () => {
    const { result } = await fetched({ source: "large", lines: "all" });
    const { sha256 } = result as { sha256: string };
    const fd = openSync(at("artifacts", "objects", sha256.slice(0, 2), sha256), "r+");
    writeSync(fd, "tampered", 1_000_000);
    closeSync(fd);
    const dir = at("out-tampered");
    const finished = await wsctl(words("a,b", { source: "large", lines: "all" }, "--output", dir));
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(/^wsctl: a: cannot fetch the result: .*its SHA-256/m);
    expect(files(dir)).toEqual(["b.large.log", "failed", "succeeded"]);
    expect(readFileSync(join(dir, "failed"), "utf8")).toMatch(/^a success .*SHA-256/);
    expect(readFileSync(join(dir, "succeeded"), "utf8")).toBe("b\n");
  });
});

describe("following", () => {
  test("shows lines as they come, and ends by itself", async () => {
    const command = [
      ...wsctlCommand("binary"),
      ...words("a", { source: "app", lines: 1, follow: 4 }),
    ];
    await using operator = new Running(command);
    await operator.logged(/^\[a\] 2026-03-10T23:59:00.000Z a request 1439 ok$/);
    appendFileSync(at("a", "app.log"), "2026-03-11T00:00:00Z a request 1440 ok\n");
    await operator.logged(/^\[a\] .* request 1440 ok$/);
    expect(operator.hasExited).toBe(false);
    appendFileSync(at("a", "app.log"), "2026-03-11T00:01:00Z a request 1441 ok\n");
    await operator.logged(/^\[a\] .* request 1441 ok$/);
    expect(await operator.exited).toBe(0);
    expect(operator.lines.filter((line) => line.includes(" request "))).toHaveLength(3);
    writeFileSync(at("a", "app.log"), day("a"));
  });

  test("is ended by whoever cancels the job", async () => {
    const from = serving.process.lines.length;
    const parameters = { source: "app", lines: 1, follow: 600 };
    const command = [...wsctlCommand("binary"), ...words("a", parameters)];
    await using operator = new Running(command);
    await operator.logged(/^\[a\] .* request 1439 ok$/);
    const [, job = ""] = await serving.process.logged(/job accepted job_id=(\S+)/, from);
    await wsctl(["jobs", "cancel", job, "--data-dir", `${dataDir}`]);
    await operator.logged(/^a {2}cancelled {2}STOPPED/);
    expect(await operator.exited).toBe(1);
  });
});

describe("what cannot be had", () => {
  const early: [object, string][] = [
    [{ source: "secrets" }, "parameters.source"],
    [{ source: "../app" }, "parameters.source"],
    [{}, "parameters.source"],
    [{ source: "app", follow: 0 }, "parameters.follow"],
    [{ source: "app", follow: 1.5 }, "parameters.follow"],
    [{ source: "app", follow: 3_601 }, "parameters.follow"],
    [{ source: "app", grep: 1 }, "parameters.grep"],
    [{ source: "app", grep: "x".repeat(1_001) }, "parameters.grep"],
    [{ source: "app", since: 5 }, "parameters.since"],
    [{ source: "app", path: "/etc/passwd" }, "parameters.path"],
  ];

  test.each(early)(
    "fetch_logs: invalid parameters are refused before sending (%#)",
    async (parameters, path) => {
      const lines = agentOf("a").lines.length;
      const { code, stdout, stderr } = await wsctl(words("a", parameters));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toStartWith(`wsctl: Cannot accept the job: ${path}`);
      expect(
        agentOf("a")
          .lines.slice(lines)
          .filter((line) => /running/.test(line)),
      ).toEqual([]);
    },
  );

  const late: [object, string][] = [
    [{ source: "app", lines: 0 }, "parameters: lines must be a whole number"],
    [{ source: "app", lines: "some" }, "parameters: lines must be a whole number"],
    [{ source: "app", since: "yesterday" }, "parameters: since must be"],
    [{ source: "app", grep: "(" }, "parameters: grep must be a JavaScript regular expression"],
    [{ source: "slow", follow: 3 }, "parameters.follow: the source"],
    [{ source: "app", follow: 3, until: "2026-03-10" }, "parameters.follow and parameters.until"],
    [{ source: "app", since: "2026-03-11", until: "2026-03-10" }, "parameters.since must not"],
  ];

  test.each(late)("is refused by the agent: %#", async (parameters, message) => {
    const outcome = await fetched(parameters);
    expect(outcome).toMatchObject({ outcome: "error", code: "INVALID_PARAMETERS" });
    expect(outcome.message).toStartWith(message);
  });

  test("is said where the file is not there", async () => {
    const outcome = await fetched({ source: "huge" });
    expect(outcome.outcome).toBe("failed");
    expect(outcome.message).toMatch(/Cannot read .*huge\.log: ENOENT/);
  });
});

describe("an agent that is killed", () => {
  test("while a program is read answers with all that it said", async () => {
    const dir = at("out-killed");
    const answer = wsctl(words("a", { source: "slow", lines: "all" }, "--output", dir));
    await written(at("a", "mark"));
    await agentOf("a").kill();
    await start("a");
    await agentOf("a").logged(/taking up command=fetch_logs/);
    writeFileSync(at("a", "go"), "");
    expect((await answer).code).toBe(0);
    expect(readFileSync(join(dir, "a.slow.log"), "utf8")).toBe(`${large("a")}the end\n`);
  });

  test("while the result is uploaded answers with the whole of it", async () => {
    const line = `${"y".repeat(99)}\n`;
    writeFileSync(at("b", "huge.log"), line.repeat(800_000));
    const dir = at("out-uploading");
    gate.shut(20_000_000);
    const answer = wsctl(words("b", { source: "huge", lines: "all" }, "--output", dir));
    await gate.reached();
    await agentOf("b").kill();
    await start("b");
    await agentOf("b").logged(/taking up command=fetch_logs/);
    gate.open();
    expect((await answer).code).toBe(0);
    expect(readFileSync(join(dir, "b.huge.log"), "utf8") === line.repeat(800_000)).toBe(true);
  });
});
