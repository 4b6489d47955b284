/** The conformance suite of the binary on wsctl itself, and on peers in other languages. */
import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { strangerLanguages } from "../../support/clients/foreignPeer.ts";
import { root } from "../../support/fixtures/sources.ts";
import {
  type Finished,
  Running,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";

const python = "/usr/bin/python3";
const hasPython = strangerLanguages().includes("python");
/** A JDK that runs a source file of today's language. */
const hasJava = javaVersion() >= 17;
/** The compiler, and the library that Debian packages; nothing is downloaded. */
const goLibraries = "/usr/share/gocode";
const hasGo = Bun.which("go") !== null && existsSync(join(goLibraries, "src/github.com/gorilla"));
/**
 * The peers send heartbeats every second. The limits are far longer: a disk of a busy machine that
 * takes seconds for a sync is no fault of a peer.
 */
const times = ["--timeout", "15s", "--heartbeat", "10s", "--status-interval", "10s"];
const reports = temporaryDir();

function javaVersion(): number {
  if (Bun.which("java") === null || Bun.which("javac") === null) return 0;
  const { stdout } = Bun.spawnSync(["java", "--version"]);
  return Number(/\w+ (\d+)/.exec(`${stdout}`)?.[1] ?? 0);
}

/** Compiles the agent in Go and returns its path. */
function buildGoAgent(): string {
  const file = join(`${reports}`, "agent-in-go");
  const env = {
    ...process.env,
    ...{ GO111MODULE: "off", GOPATH: goLibraries, GOCACHE: join(`${reports}`, "go") },
  };
  const source = join(root, "test/interop/agent.go");
  const { success, stderr } = Bun.spawnSync(["go", "build", "-o", file, source], { env });
  if (!success) throw new Error(`go build failed: ${stderr}`);
  return file;
}

/** The results of a run that prints JSON. */
function resultsOf({ stdout }: Finished) {
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { summary } = lines.pop();
  const bad = lines.filter(({ verdict }) => verdict !== "passed");
  return { summary, count: lines.length, bad: bad.map(({ id, detail }) => `${id}: ${detail}`) };
}

/** A run on an agent that the suite starts. */
function onAgent(program: string[], ...more: string[]): Promise<Finished> {
  const args = ["conformance", "agent", ...times, "--json", ...more, "--", ...program];
  const env = {
    WSCTL_TOKEN: "a",
    TOKEN: "a",
    HEARTBEAT_SECONDS: "1",
    WSCTL_DATA_DIR: `${reports}`,
  };
  return wsctl(args, { env });
}

async function onControlPlane(): Promise<Finished> {
  await using target = await Target.start("binary", ["--heartbeat", "1s"]);
  const { agent_id, token } = await target.newAgent();
  const body = JSON.stringify({ command: "ping", target: { agents: [agent_id] } });
  const url = `${target.serving.url}/api/v1/jobs`;
  const send = `curl -s -o /dev/null -H "Authorization: Bearer ${target.admin}" -d '${body}' ${url}`;
  const files = [
    "--junit",
    join(`${reports}`, "report.xml"),
    "--badge",
    join(`${reports}`, "badge.json"),
  ];
  const limits = ["--timeout", "15s", "--heartbeat", "1s"];
  const args = ["conformance", "control-plane", target.serving.url, ...limits, "--json"];
  return await wsctl([...args, ...files, "--send", send], { env: { WSCTL_TOKEN: token } });
}

/** A control plane that shares nothing with wsctl. */
async function onPythonControlPlane(): Promise<Finished> {
  const env = { AGENT_TOKENS: "probe-1=secret", OPERATOR_TOKEN: "op", HEARTBEAT_SECONDS: "1" };
  const words = [python, join(root, "docs/examples/control_plane.py"), "0"];
  await using plane = new Running(words, { env });
  const [, port] = await plane.logged(/listening on port (\d+)/);
  const at = `127.0.0.1:${port}`;
  const url = `http://${at}/send?agent=probe-1&command=ping`;
  const send = `curl -s -o /dev/null -H "Authorization: Bearer op" '${url}'`;
  const args = ["conformance", "control-plane", `ws://${at}/agent`, "--heartbeat", "1s", "--json"];
  return await wsctl([...args, "--send", send], { env: { WSCTL_TOKEN: "secret" } });
}

let runs: Record<string, Finished>;

beforeAll(async () => {
  const own = [...wsctlCommand("binary"), "agent", "--server", "{url}", "--heartbeat", "1s"];
  // Alone: with a heartbeat of a second, a busy machine looks like a silent peer.
  const agent = await onAgent([...own, "--log-level", "error"]);
  const started: Record<string, Promise<Finished>> = {
    "wsctl agent": Promise.resolve(agent),
    "wsctl serve": onControlPlane(),
    "ws on Node.js": onAgent(["node", join(root, "test/interop/wsAgent.mjs"), "{url}"]),
    ...(hasPython
      ? {
          "the agent in Python": onAgent([python, join(root, "docs/examples/agent.py"), "{url}"]),
          "the control plane in Python": onPythonControlPlane(),
        }
      : {}),
  };
  if (hasGo) started["the agent in Go"] = onAgent([buildGoAgent(), "{url}"]);
  if (hasJava) {
    const program = ["java", join(root, "test/interop/Agent.java"), "{url}"];
    started["the agent in Java"] = onAgent(program);
  }
  const ended = await Promise.all(
    Object.entries(started).map(async ([name, run]) => [name, await run] as const),
  );
  runs = Object.fromEntries(ended);
}, 240_000);

describe("the conformance suite", () => {
  test.each([
    ["wsctl agent", 146],
    ["wsctl serve", 122],
    ["ws on Node.js", 146],
    ...(hasPython ? ([["the agent in Python", 146]] as const) : []),
    ...(hasPython ? ([["the control plane in Python", 122]] as const) : []),
    ...(hasGo ? ([["the agent in Go", 146]] as const) : []),
  ] as const)("finds nothing wrong with %s", (name, count) => {
    const run = runs[name] as Finished;
    const results = resultsOf(run);
    expect(results).toMatchObject({ bad: [], count, summary: { conforms: true } });
    expect(run.code).toBe(0);
  });

  test.skipIf(!hasJava)(
    "finds that the agent in Java closes with another code, and nothing else",
    () => {
      const { bad, count, summary } = resultsOf(runs["the agent in Java"] as Finished);
      expect(bad).toEqual(["limits/binary-frame-closes: expected close 1003, got 3003"]);
      expect([count, summary.conforms]).toEqual([146, true]);
    },
  );

  test("writes JUnit XML and a badge", () => {
    const xml = readFileSync(join(`${reports}`, "report.xml"), "utf8");
    expect(xml.match(/<testcase /g)).toHaveLength(122);
    expect(xml).toContain('<testsuite name="control plane.liveness"');
    expect(JSON.parse(readFileSync(join(`${reports}`, "badge.json"), "utf8"))).toEqual({
      schemaVersion: 1,
      label: "control plane standard",
      message: "conforms, 122 of 122",
      color: "brightgreen",
    });
    reports[Symbol.dispose]();
  });

  test("exits with 1 and says why where nothing connects", async () => {
    const run = await wsctl(["conformance", "agent", "--connect-timeout", "1s", "--", "true"]);
    expect(run.code).toBe(1);
    expect(run.stdout).toContain("FAIL  must    connection/opens");
    expect(run.stdout).toContain("asked for by: An agent connects to its control plane");
    expect(run.stdout).toContain("The agent does not conform to the standard.");
  });
});

test.skipIf(!hasPython)(
  "the client in Python sends commands, and the agent in Python runs them",
  async () => {
    await using target = await Target.start("binary");
    const { agent_id, token } = await target.newAgent();
    const url = `${target.serving.url.replace("http", "ws")}/agent`;
    const example = (name: string) => join(root, "docs/examples", name);
    await using agent = new Running([python, example("agent.py"), url], {
      env: { WSCTL_TOKEN: token },
    });
    await agent.logged(/^connected$/);
    const run = (...args: string[]) => {
      const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
      const { stdout, exitCode } = Bun.spawnSync([python, example("client.py"), ...args], { env });
      return { lines: `${stdout}`.trim().split("\n").slice(1), exitCode };
    };
    expect(run("deploy", agent_id, '{"version": "1.2.3"}')).toEqual({
      lines: [`${agent_id} success deployed 1.2.3`, `online ['${agent_id}']`],
      exitCode: 0,
    });
    expect(run("deploy", agent_id, "{}").lines[0]).toContain(
      "error parameters: version must be a text",
    );
    expect(run("ping", "nobody").exitCode).toBe(2);
  },
);
