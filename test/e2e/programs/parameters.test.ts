/** Parameters of commands of the operator's own: refused twice over where wrong, exact where right. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bad, schemaToml, texts } from "../../support/fixtures/parameterTable.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { announced } from "../../support/processes/programs.ts";
import { Target } from "../../support/processes/target.ts";

setDefaultTimeout(120_000);

const dir = temporaryDir();
const dataDir = join(dir, "control");
const commandsDir = join(dir, "commands.d");
const python = "/usr/bin/python3";
let target: Target;
let agent: Running;

/** Says what it was given: standard input, environment and arguments. */
const tell = `import json, os, sys
given = json.load(sys.stdin)
env = {k: v for k, v in os.environ.items() if k.startswith("WSCTL_PARAM_")}
with open(os.environ["WSCTL_RESULT_FILE"], "w") as file:
    json.dump({"given": given, "env": env, "argv": sys.argv[1:]}, file)
`;

interface Told {
  given: Record<string, unknown>;
  env: Record<string, string>;
  argv: string[];
}

function define(name: string, argv: string[], rest = "", isLate = false): void {
  const late = isLate ? "late.d" : "commands.d";
  const head = `description = "d"\nargv = ${JSON.stringify(argv)}\n`;
  writeFileSync(join(dir, late, `${name}.toml`), head + rest);
}

const start = (id: string, folder = commandsDir) =>
  connectedAgent({ dataDir, id, args: ["--commands-dir", folder] });

const ask = (parameters: object, command = "rules", agents = ["web-1"]) =>
  target.api("/api/v1/jobs", {
    method: "POST",
    body: JSON.stringify({ command, parameters, target: { agents }, ttl_seconds: 60 }),
  });

async function told(command: string, parameters: object): Promise<Told> {
  const { jobId } = await target.send(command, ["web-1"], { parameters });
  const [request] = await target.ended(jobId);
  expect(request).toMatchObject({ state: "success" });
  return request?.result as Told;
}

beforeAll(async () => {
  for (const name of ["control", "commands.d", "late.d"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "tell.py"), tell);
  const script = join(dir, "tell.sh");
  const lines = ['printf "%s\\0" "$@" "$WSCTL_PARAM_TEXT" > "$0.said"', "cat > $0.stdin"];
  writeFileSync(script, `#!/bin/sh\n${lines.join("\n")}\n`);
  chmodSync(script, 0o755);
  define("rules", [python, join(dir, "tell.py")], schemaToml);
  define("rules", [python, join(dir, "tell.py")], schemaToml, true);
  const text = '[parameters]\nrequired = ["text"]\n[parameters.properties.text]\ntype = "string"\n';
  define("python", [
    python,
    join(dir, "tell.py"),
    "{text}",
    "--text={text}",
    "<{text}|{text}>",
  ], text);
  define("shell", [script, "{text}", "--text={text}"], text);
  target = await Target.start("binary", [], dataDir);
  agent = await start("web-1");
  await announced(dataDir, "web-1", "rules");
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

/** The field by its path, and then the rule. */
function expectFault(message: string | undefined, path: string, head = ""): void {
  const text = message ?? "";
  const start = `${head}parameters.${path}`;
  expect(text.slice(0, start.length)).toBe(start);
  expect(text.slice(start.length)).toMatch(/^(: | is | must | does )/);
}

describe("wrong parameters", () => {
  test.each(bad)("are refused before anything is sent: %#", async (parameters, path) => {
    const lines = agent.lines.length;
    const { status, body } = await ask(parameters);
    expect({ status, code: body.error?.code }).toEqual({ status: 422, code: "INVALID_PARAMETERS" });
    expectFault(body.error?.message, path, "Cannot accept the job: ");
    expect(body.error?.message).toEndWith('(agent "web-1")');
    expect(await target.api("/api/v1/jobs")).toMatchObject({ body: { items: [] } });
    expect(agent.lines.slice(lines).filter((line) => /running/.test(line))).toEqual([]);
  });

  test("are refused by an agent of which nothing was known when they were sent", async () => {
    await wsctl(["tokens", "create", "--agent", "late", "--data-dir", dataDir]);
    const jobs: string[] = [];
    for (const [parameters] of bad) {
      jobs.push((await target.send("rules", ["late"], { parameters })).jobId);
    }
    const good = await target.send("rules", ["late"], { parameters: { name: "ab" } });
    await using late = await start("late", join(dir, "late.d"));
    for (const [index, jobId] of jobs.entries()) {
      const [request] = await target.ended(jobId);
      expect(request).toMatchObject({ state: "error", code: "INVALID_PARAMETERS" });
      expectFault(request?.message, bad[index]?.[1] ?? "");
    }
    expect(await target.ended(good.jobId)).toMatchObject([{ state: "success" }]);
    expect(late.lines.filter((line) => /running/.test(line))).toHaveLength(1);
  });

  test("are told on the command line, with the field", async () => {
    const words = ["send", "rules", "--agent", "web-1", "--data-dir", dataDir];
    const refused = await wsctl([...words, "--param", "name=ab", "--param", "count=11"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toStartWith("wsctl: Cannot accept the job: parameters.count: ");
  });

  test("for one agent are none for another that takes them", async () => {
    define("either", [
      python,
      join(dir, "tell.py"),
    ], '[parameters.properties.a]\ntype = "string"\n');
    define(
      "either",
      [python, join(dir, "tell.py")],
      '[parameters.properties.a]\ntype = "integer"\n',
      true,
    );
    await using _late = await start("late", join(dir, "late.d"));
    for (const id of ["web-1", "late"]) await announced(dataDir, id, "either");
    const { jobId } = await target.send("either", ["web-1", "late"], { parameters: { a: 1 } });
    const ended = await target.ended(jobId);
    expect(ended.find((each) => each.agent === "late")).toMatchObject({ state: "success" });
    expect(ended.find((each) => each.agent === "web-1")).toMatchObject({
      code: "INVALID_PARAMETERS",
      message: "parameters.a must be of the type string",
    });
    expect((await ask({ a: true }, "either", ["web-1", "late"])).status).toBe(422);
  });
});

describe("right parameters", () => {
  const whole = {
    ...{ name: "abcdefgh", count: 10, ratio: 0.75, force: false, nothing: null, mode: 3 },
    ...{ fixed: "only", either: 7, list: ["a", "b", "c"], numbers: [], matrix: [[], [1.5, -2]] },
    open: { any: { thing: [1, null, "x"] } },
    place: { host: "a.b", port: 65_535, labels: { "": "" }, deep: { on: true } },
  };

  test("of every type arrive on standard input and in the environment", async () => {
    const { given, env, argv } = await told("rules", whole);
    expect(given).toEqual(whole);
    const expected = Object.entries(whole).map(([name, value]) => [
      `WSCTL_PARAM_${name.toUpperCase()}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    expect(env).toEqual(Object.fromEntries(expected));
    expect(argv).toEqual([]);
  });

  test("that were left out have their defaults, also where they are required", async () => {
    const defaulted = ['required = ["size", "name"]', "minProperties = 2"];
    const size = '[parameters.properties.size]\ntype = "integer"\ndefault = 5\n';
    const name = '[parameters.properties.name]\ntype = "string"\ndefault = "x y"\n';
    const argv = [python, join(dir, "tell.py"), "{size}", "{name}"];
    define("defaults", argv, `[parameters]\n${defaulted.join("\n")}\n${size}${name}`);
    await announced(dataDir, "web-1", "defaults");
    expect(await told("defaults", {})).toMatchObject({
      given: { size: 5, name: "x y" },
      env: { WSCTL_PARAM_SIZE: "5", WSCTL_PARAM_NAME: "x y" },
      argv: ["5", "x y"],
    });
    expect((await told("defaults", { size: 0 })).argv).toEqual(["0", "x y"]);
  });

  test.each(texts)("reach a program in Python as they are: %#", async (text) => {
    const { given, env, argv } = await told("python", { text });
    expect({ given, env }).toEqual({ given: { text }, env: { WSCTL_PARAM_TEXT: text } });
    expect(argv).toEqual([text, `--text=${text}`, `<${text}|${text}>`]);
  });

  test.each(texts)("reach a program in shell as they are: %#", async (text) => {
    const said = join(dir, "tell.sh.said");
    rmSync(said, { force: true });
    const { jobId } = await target.send("shell", ["web-1"], { parameters: { text } });
    expect(await target.ended(jobId)).toMatchObject([{ state: "success" }]);
    expect(readFileSync(said, "utf8")).toBe(`${text}\0--text=${text}\0${text}\0`);
    expect(JSON.parse(readFileSync(join(dir, "tell.sh.stdin"), "utf8"))).toEqual({ text });
  });

  test("with a NUL, which no argument can hold, are refused and start nothing", async () => {
    const lines = agent.lines.length;
    const { jobId } = await target.send("python", ["web-1"], { parameters: { text: "a\0b" } });
    const [request] = await target.ended(jobId);
    expect(request).toMatchObject({ state: "error", code: "INVALID_PARAMETERS" });
    expect(request?.message).toBe(
      "parameters.text must not contain a NUL character: it becomes an argument",
    );
    expect(agent.lines.slice(lines).filter((line) => /running/.test(line))).toEqual([]);
  });

  test("that are too long for an argument are an error: the program was not started", async () => {
    const text =
      '[parameters]\nrequired = ["text"]\n[parameters.properties.text]\ntype = "string"\n';
    define("long", [python, join(dir, "tell.py"), "{text}".repeat(4)], text);
    await announced(dataDir, "web-1", "long");
    const parameters = { text: "x".repeat(40_000) };
    const { jobId } = await target.send("long", ["web-1"], { parameters });
    const [request] = await target.ended(jobId);
    expect(request).toMatchObject({ state: "error", code: "NOT_STARTED" });
    expect(request?.message).toMatch(new RegExp(`^cannot start "${python}" in /[^:]*: `));
  });

  test("never reach a shell", () => {
    expect(existsSync("/tmp/never")).toBe(false);
  });
});

describe("a manifest that is changed", () => {
  const rule = (most: number) => `[parameters.properties.n]\ntype = "integer"\nmaximum = ${most}\n`;

  test("is announced without a restart, and judged by at once", async () => {
    define("fresh", [python, join(dir, "tell.py")], rule(5));
    await announced(dataDir, "web-1", "fresh");
    expect((await ask({ n: 6 }, "fresh")).status).toBe(422);
    define("fresh", [python, join(dir, "tell.py")], rule(7));
    const isNew = ({ parameters }: { parameters?: unknown }) =>
      JSON.stringify(parameters).includes('"maximum":7');
    await announced(dataDir, "web-1", "fresh", isNew);
    expect((await told("fresh", { n: 6 })).given).toEqual({ n: 6 });
    // Stricter: whoever is the first to know refuses.
    define("fresh", [python, join(dir, "tell.py")], rule(1));
    const { status, body } = await ask({ n: 6 }, "fresh");
    if (status === 422) expectFault(body.error?.message, "n", "Cannot accept the job: ");
    else {
      const [request] = await target.ended((body as { job: { job_id: string } }).job.job_id);
      expect(request).toMatchObject({ state: "error", code: "INVALID_PARAMETERS" });
      expectFault(request?.message, "n");
    }
    expect(agent.lines.filter((line) => /connected/.test(line))).toHaveLength(1);
  });

  test("and taken away is no command any more", async () => {
    define("gone", [python, join(dir, "tell.py")]);
    await announced(dataDir, "web-1", "gone");
    rmSync(join(commandsDir, "gone.toml"));
    const words = ["send", "gone", "--agent", "web-1", "--json", "--data-dir", dataDir];
    const [outcome] = jsonLines(await wsctl(words));
    expect(outcome).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
  });
});
