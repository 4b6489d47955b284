/** The agent of the build for Windows, under Wine, with a control plane on this machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../../scripts/build.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { Running, temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";
import { Target } from "../../support/processes/target.ts";
import { hasWine, Wine, windowsPath } from "../../support/processes/wine.ts";

const cmd = "C:\\windows\\system32\\cmd.exe";
/** Long enough to be stopped, and known by its count among the processes of this machine. */
const sleeper = `ping.exe -n ${600 + Math.floor(Math.random() * 1_000_000)} 127.0.0.1`;

const manifests = {
  greet: `description = "greets"
argv = ['${cmd}', "/c", "echo", "{who}"]
directory = 'C:\\windows'
parameters = { properties = { who = { type = "string" } }, required = ["who"] }`,
  // The program leaves a process whose parent has ended.
  slow: `description = "sleeps"\nargv = ['${cmd}', "/c", 'start /b ${sleeper} & ${sleeper}']`,
  count: `description = "counts"\nargv = ['${cmd}', "/c", 'echo begun & ping.exe -n 3 127.0.0.1']`,
  batch: `description = "a batch file"\nargv = ['C:\\windows\\deploy.bat', "a&calc"]`,
  other: `description = "runs as another user"\nargv = ['${cmd}']\nuser = "web"`,
};

/** How many processes sleep. */
function sleeping(): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return words.includes(sleeper) && !words.includes("cmd.exe");
    } catch {
      return false;
    }
  }).length;
}

describe.skipIf(!hasWine)("an agent of the build for Windows", () => {
  let dir: string & Disposable;
  let wine: Wine;
  let target: Target;
  let agent: Running;
  let token: string;
  let id: string;

  const command = (...args: string[]) => [join(`${dir}`, "wsctl.exe"), ...args];
  const startAgent = (...flags: string[]) => {
    const place = ["--data-dir", windowsPath(join(`${dir}`, "data"))];
    const own = ["commands", "logs"].flatMap((name) => [
      ...[`--${name}-dir`, windowsPath(join(`${dir}`, `${name}.d`))],
    ]);
    const words = ["agent", "--server", target.serving.url, "--id", id, ...place, ...own, ...flags];
    return wine.start(command(...words), { WSCTL_TOKEN: token });
  };
  const send = async (name: string, ...flags: string[]) => {
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const { stdout } = await wsctl(["send", name, "--agent", id, "--json", ...flags], { env });
    const lines = stdout.trim().split("\n");
    return JSON.parse(lines.at(-1) ?? "{}") as Record<string, unknown>;
  };

  beforeAll(async () => {
    dir = temporaryDir();
    mkdirSync(join(`${dir}`, "commands.d"));
    for (const [name, text] of Object.entries(manifests)) {
      writeFileSync(join(`${dir}`, "commands.d", `${name}.toml`), text);
    }
    mkdirSync(join(`${dir}`, "logs.d"));
    const source = `argv = ['${cmd}', "/c", 'echo error: disk full& echo fine']`;
    writeFileSync(join(`${dir}`, "logs.d", "app.toml"), source);
    const counting = `argv = ['${cmd}', "/c", 'for /L %i in (1,1,9000) do @echo line %i']`;
    writeFileSync(join(`${dir}`, "logs.d", "long.toml"), counting);
    await build({ target: "bun-windows-x64", outfile: join(`${dir}`, "wsctl") });
    wine = Wine.start(`${dir}`);
    target = await Target.start("binary");
    ({ token, agent_id: id } = await target.newAgent());
    agent = startAgent("--allow-exec", "**");
    await agent.logged(/connected/);
  }, 120_000);

  afterAll(async () => {
    wine?.[Symbol.dispose]();
    await target?.[Symbol.asyncDispose]();
    dir?.[Symbol.dispose]();
  });

  test("answers, and runs programs with parameters, without batch files and other users", async () => {
    expect(await send("info")).toMatchObject({ outcome: "success", result: { os: "win32" } });
    const greeted = await send("greet", "--param", "who=Ada & Bob");
    expect(greeted).toMatchObject({ outcome: "success", message: '"Ada & Bob"' });
    expect(await send("batch")).toMatchObject({
      code: "NOT_STARTED",
      message: expect.stringContaining("a batch file reads its arguments as commands"),
    });
    expect(await send("other")).toMatchObject({
      code: "INVALID_COMMAND",
      message: expect.stringContaining("programs run as the agent"),
    });
    const update = await send("update");
    expect(update).toMatchObject({ message: expect.stringContaining("cannot replace its own") });
  });

  test("runs any program that is allowed, in the directory that is asked for", async () => {
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const place = ["--agent", id, "--json", "--directory", "C:\\windows\\system32"];
    const { stdout } = await wsctl(["exec", ...place, "--", cmd, "/c", "cd"], { env });
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}")).toMatchObject({
      outcome: "success",
      message: "C:\\windows\\system32",
    });
  });

  test("joins over TLS with the string in a file, as its service does, and stays what it is", async () => {
    await using fleet = await JoinableFleet.start();
    writeFileSync(join(`${dir}`, "join"), await fleet.joinText("--label", "env=test"));
    const place = ["--id", "joined", "--data-dir", windowsPath(join(`${dir}`, "joined"))];
    const words = ["agent", ...place, "--join", `@${windowsPath(join(`${dir}`, "join"))}`];
    for (const expected of [/joined/, /connected/]) {
      const joined = wine.start(command(...words));
      await joined.logged(expected);
      await joined.logged(/connected/);
      const { stdout } = await fleet.run("send", "ping", "--agent", "joined", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ outcome: "success" });
      wine.interrupt("wsctl.exe agent --id joined");
      expect(await joined.exited).toBe(0);
    }
    const { stdout } = await fleet.run("agents", "list", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ agent_id: "joined", labels: { env: "test" } });
  });

  test("fetches the lines of a program that has logs", async () => {
    const fetched = await send("fetch_logs", "--param", "source=app", "--param", "grep=error");
    expect(fetched).toMatchObject({ outcome: "success", message: "error: disk full" });
    const all = await send("fetch_logs", "--param", "source=long", "--param", "lines=9000");
    expect(all).toMatchObject({ outcome: "success", result: { lines: 9_000, artifact: {} } });
  });

  test("stops every process of a program at its timeout, also one that has no parent", async () => {
    const ended = send("slow", "--timeout", "2s");
    await agent.logged(/running command=slow/);
    expect(await ended).toMatchObject({ code: "TIMEOUT" });
    expect(sleeping()).toBe(0);
  });

  test("locks its data directory, and refuses flags that need modes and links of files", async () => {
    const second = startAgent();
    expect(await second.exited).toBe(1);
    expect(second.lines.join("\n")).toContain("another process uses it");
    const pushing = startAgent("--allow-push", "/etc/**");
    expect(await pushing.exited).toBe(2);
    expect(pushing.lines.join("\n")).toContain("--allow-push does not work on Windows");
    const serving = wine.start(command("serve"));
    expect(await serving.exited).toBe(2);
    expect(serving.lines.join("\n")).toContain("wsctl serve does not run on Windows");
    const service = wine.start(command("service", "print", "agent"));
    expect(await service.exited).toBe(2);
    expect(service.lines.join("\n")).toContain("Use WinSW");
  });

  test("sends commands from Windows, and lists what there is", async () => {
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const run = async (...words: string[]) => {
      const running = wine.start(command(...words), env);
      return { status: await running.exited, text: running.lines.join("\n") };
    };
    expect(await run("send", "ping", "--agent", id)).toMatchObject({
      status: 0,
      text: expect.stringMatching(/success {2}pong/),
    });
    expect((await run("agents", "list")).text).toMatch(new RegExp(`${id} +online`));
    expect((await run("doctor")).text).toContain("ok    control plane: healthy");
  });

  test("continues a program whose agent was killed, and restarts in place", async () => {
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const words = [...wsctlCommand("binary"), "send", "count", "--agent", id];
    await using sending = new Running(words, { env });
    await sending.logged(/begun/);
    await agent.kill();
    agent = startAgent();
    await agent.logged(/connected/);
    expect(await sending.exited).toBe(0);
    expect(sending.lines.filter((line) => line.includes("begun"))).toHaveLength(1);
    expect(await send("restart")).toMatchObject({ outcome: "success" });
    expect(await send("ping")).toMatchObject({ outcome: "success" });
    expect(agent.hasExited).toBe(false);
  });

  test("ends in order at Ctrl-C, before and after a restart, and continues its program", async () => {
    const env = { WSCTL_SERVER: target.serving.url, WSCTL_TOKEN: target.admin };
    const words = [...wsctlCommand("binary"), "send", "count", "--agent", id];
    await using sending = new Running(words, { env });
    await sending.logged(/begun/);
    // The agent was restarted: this process waits for its successor, and Windows interrupts both.
    wine.interrupt("wsctl.exe agent");
    expect(await agent.exited).toBe(0);
    agent = startAgent();
    await agent.logged(/connected/);
    expect(await sending.exited).toBe(0);
    wine.interrupt("wsctl.exe agent");
    expect(await agent.exited).toBe(0);
  });
});
