/**
 * What certainly never began is an error that says so at once, never lost nor failed; and an agent
 * whose own file is gone or moved goes on.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** An agent that runs from a copy of the binary, called by a path that a test may change. */
class Host implements AsyncDisposable {
  readonly dir = temporaryDir();
  readonly commands = join(`${this.dir}`, "commands.d");
  readonly copy = join(`${this.dir}`, "release-1");
  serving!: Serving;
  agent!: Running;

  static async start(called = "release-1", prefix: string[] = []): Promise<Host> {
    const host = new Host();
    mkdirSync(host.commands);
    copyFileSync(wsctlCommand("binary")[0] ?? "", host.copy);
    if (called !== "release-1") symlinkSync("release-1", join(`${host.dir}`, called));
    host.serving = await startServe({ dataDir: host.dir });
    const path = join(`${host.dir}`, called);
    const args = ["agent", "--id", "a", "--data-dir", `${host.dir}`];
    const dirs = ["--commands-dir", host.commands];
    host.agent = new Running([...prefix, path, ...args, ...dirs]);
    await host.agent.logged(/ connected$/);
    return host;
  }

  define(name: string, argv: string[], rest = ""): void {
    const text = `description = "d"\nargv = ${JSON.stringify(argv)}\n${rest}`;
    writeFileSync(join(this.commands, `${name}.toml`), text);
  }

  async send(name: string, ...args: string[]): Promise<OutcomeLine & { job_id: string }> {
    const to = ["--agent", "a", "--data-dir", `${this.dir}`, "--json", ...args];
    return JSON.parse((await wsctl(["send", name, ...to])).stdout || "{}");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    await this.serving?.[Symbol.asyncDispose]();
    this.dir[Symbol.dispose]();
  }
}

test("a program or a directory that is not there is an error: nothing was started", async () => {
  await using host = await Host.start();
  host.define("absent", ["/no/such/program"]);
  host.define("nowhere", ["/bin/true"], 'directory = "/no/such/directory"\n');
  const absent = await host.send("absent");
  expect(absent).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(absent.message).toContain('cannot start "/no/such/program"');
  const nowhere = await host.send("nowhere");
  expect(nowhere).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(nowhere.message).toContain("/no/such/directory: the directory does not exist");
});

test("a script whose interpreter is missing is not taken for a missing file", async () => {
  await using host = await Host.start();
  for (const [name, first] of [
    ["windows", "#!/bin/sh\r"],
    ["absent", "#!/no/such/python3 -u"],
  ] as const) {
    const path = join(`${host.dir}`, name);
    writeFileSync(path, `${first}\necho said\n`, { mode: 0o755 });
    host.define(name, [path]);
  }
  const windows = await host.send("windows");
  expect(windows).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(windows.message).toContain(
    'the interpreter "/bin/sh\\r" of the script does not exist: save the script with line feeds',
  );
  const absent = await host.send("absent");
  expect(absent.message).toContain('the interpreter "/no/such/python3" of the script');
});

test("a file that this host cannot execute is explained, and what to do", async () => {
  await using host = await Host.start();
  const foreign = Buffer.from(readFileSync("/bin/true"));
  // `e_machine` of an ELF file: S390, which no host of these tests is.
  foreign.writeUInt16LE(22, 18);
  const cases: [string, string | Buffer, number, string][] = [
    ["rubbish", Buffer.from([0, 1, 2, 3]), 0o755, "not a program of this host, or it is damaged"],
    ["foreign", foreign, 0o755, `built for S390, and this host is ${process.arch}`],
    ["cut", foreign.subarray(0, 12), 0o755, "not a program of this host, or it is damaged"],
    ["half", readFileSync("/bin/true").subarray(0, 64), 0o755, "or it is damaged"],
    ["windows", "MZ\x90\0", 0o755, "built for Windows"],
    ["plain", "echo said\n", 0o755, "Begin it with a line such as #!/bin/sh"],
    ["empty", "", 0o755, "the file is empty"],
    [
      "twice",
      `#!${host.dir}/plain\n`,
      0o755,
      `interpreter "${host.dir}/plain" of the script is not`,
    ],
    ["closed", "#!/bin/sh\n", 0o644, "Allow it with chmod +x"],
  ];
  for (const [name, content, mode] of cases) {
    const path = join(`${host.dir}`, name);
    writeFileSync(path, content, { mode });
    host.define(name, [path]);
  }
  for (const [name, , , words] of cases) {
    const outcome = await host.send(name);
    expect(outcome).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
    expect(outcome.message).toContain(`cannot start "${join(`${host.dir}`, name)}"`);
    expect(outcome.message).toContain(words);
  }
});

test("an agent whose own file is gone says of commands that they were not started, and goes on", async () => {
  await using host = await Host.start();
  host.define("fine", ["/bin/true"]);
  const away = `${host.copy}.away`;
  renameSync(host.copy, away);
  const began = performance.now();
  const outcome = await host.send("fine");
  expect(outcome).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(outcome.message).toContain("cannot start the supervisor: ENOENT");
  // Sooner than anybody would give a supervisor up that never appears.
  expect(performance.now() - began).toBeLessThan(8_000);
  const restart = await host.send("restart");
  expect(restart).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(restart.message).toContain("restart failed: cannot start");
  expect(host.agent.hasExited).toBe(false);
  renameSync(away, host.copy);
  const jobs = await wsctl(["jobs", "list", "--json", "--data-dir", `${host.dir}`]);
  const fine = jobs.stdout.split("\n").map((line) => JSON.parse(line || "{}"));
  const { job_id: jobId } = fine.flat().find((job) => job.command === "fine") ?? {};
  const retried = ["jobs", "retry", jobId, "--not-started", "--data-dir", `${host.dir}`];
  expect(await wsctl(retried)).toMatchObject({ code: 0 });
  expect(await host.send("restart")).toMatchObject({ outcome: "success" });
  expect(host.agent.hasExited).toBe(false);
});

test("a restart with a file that does not start is given up, and the agent goes on", async () => {
  await using host = await Host.start();
  rmSync(host.copy);
  writeFileSync(host.copy, "half a pack", { mode: 0o755 });
  expect(await host.send("restart")).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
  expect(await host.send("ping")).toMatchObject({ outcome: "success" });
});

test("a restart follows the link by which the agent was called", async () => {
  await using host = await Host.start("current");
  const next = join(`${host.dir}`, "release-2");
  copyFileSync(host.copy, next);
  const link = join(`${host.dir}`, "current");
  rmSync(link);
  symlinkSync("release-2", link);
  rmSync(host.copy);
  host.define("fine", ["/bin/true"]);
  expect(await host.send("fine")).toMatchObject({ outcome: "success" });
  expect(await host.send("restart")).toMatchObject({ outcome: "success" });
  expect(readlinkSync(`/proc/${host.agent.pid}/exe`)).toBe(next);
});

test("at its limit of file descriptors an agent loses the end of no program", async () => {
  await using host = await Host.start("release-1", ["prlimit", "--nofile=40:40"]);
  host.define("waits", ["/bin/sh", "-c", "sleep 1; echo done"]);
  const sent = Array.from({ length: 16 }, () => host.send("waits", "--no-stream-output"));
  const outcomes = await Promise.all(sent);
  const wrong = outcomes.filter(
    ({ outcome, code }) => outcome !== "success" && code !== "NOT_STARTED",
  );
  expect(wrong).toEqual([]);
  expect(outcomes.some(({ outcome }) => outcome === "success")).toBe(true);
  expect(host.agent.hasExited).toBe(false);
});
