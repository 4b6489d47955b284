/** A push that is killed leaves whole files, and no file is readable before it has its mode. */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { Running, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const files = 300;
const nameOf = (index: number) => `file-${String(index).padStart(4, "0")}`;
const content = (version: string, index: number) => `${version} ${index}\n`.repeat(500);

class Push {
  readonly fleet: JoinableFleet;
  readonly dir = temporaryDir();
  readonly site = join(this.dir, "site");
  readonly host: string;
  readonly source = join(this.dir, "source");

  constructor(fleet: JoinableFleet) {
    this.fleet = fleet;
    this.host = fleet.newHost();
    for (const [at, version] of [
      [this.site, "old"],
      [this.source, "new"],
    ] as const) {
      mkdirSync(at);
      for (let index = 0; index < files; index++) {
        writeFileSync(join(at, nameOf(index)), content(version, index), { mode: 0o600 });
      }
    }
  }

  async connect(...args: string[]): Promise<Running> {
    const allowed = ["--allow-push", `${this.site}/**`];
    const agent = this.fleet.agent(this.host, "--id", "web-1", ...allowed, ...args);
    await agent.logged(/ connected$/);
    return agent;
  }

  /** Starts a push of all files and returns when the first one is in place. */
  async start(...args: string[]): Promise<Running> {
    const to = [...args, "--agent", "web-1", "--to", this.site];
    const at = ["--data-dir", `${this.fleet.dataDir}`];
    const sending = new Running([
      ...wsctlCommand("binary"),
      "push",
      `${this.source}/`,
      ...to,
      ...at,
    ]);
    await sending.logged(/^\[web-1\] changed /);
    return sending;
  }

  /** The number of files with each version; a file with anything else fails the test. */
  versions(): Record<string, number> {
    const counts: Record<string, number> = { old: 0, new: 0 };
    for (let index = 0; index < files; index++) {
      const text = readFileSync(join(this.site, nameOf(index)), "utf8");
      const version = text.slice(0, 3);
      expect(text).toBe(content(version, index));
      counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }

  /** Files that no user named. */
  unfinished(): string[] {
    return readdirSync(this.site).filter((name) => !/^(file-|large$)/.test(name));
  }
}

async function outcomeOf(sending: Running): Promise<string | undefined> {
  await sending.exited;
  return /^web-1 +(\w+)/m.exec(sending.lines.join("\n"))?.[1];
}

/** The process that places files, found by its command line and its ancestor. */
function receiverOf(agent: Running): number {
  const receivers = readdirSync("/proc").filter((pid) => {
    return /^\d+$/.test(pid) && readProc(pid, "cmdline").includes("receive-files");
  });
  const found = receivers.find((pid) => parentOf(parentOf(pid)) === `${agent.pid}`);
  if (found === undefined) throw new Error(`no process places files: ${receivers}`);
  return Number(found);
}

function parentOf(pid: string): string {
  return /^PPid:\s*(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? "";
}

/** The empty string for a process that has ended. */
function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

test("a push goes on while its agent is killed, and every file is the new one", async () => {
  await using fleet = await JoinableFleet.start();
  const push = new Push(fleet);
  using _ = push.dir;
  const agent = await push.connect("--join", await fleet.joinText());
  const sending = await push.start();
  await agent.kill();
  await push.connect();
  expect(await outcomeOf(sending)).toBe("success");
  expect(push.versions()).toEqual({ old: 0, new: files });
  expect(push.unfinished()).toEqual([]);
});

test("a push whose process is killed is an error, leaves whole files, and can be repeated", async () => {
  await using fleet = await JoinableFleet.start();
  const push = new Push(fleet);
  using _ = push.dir;
  const agent = await push.connect("--join", await fleet.joinText());
  // A file whose old content takes seconds to compare: the push is still at work when it is killed.
  const large = join(push.site, "large");
  writeFileSync(large, "");
  truncateSync(large, 2 * 1024 ** 3);
  writeFileSync(join(push.source, "large"), "new");
  const sending = await push.start();
  process.kill(receiverOf(agent), "SIGKILL");
  expect(await outcomeOf(sending)).toBe("failed");
  push.versions();
  expect(statSync(large).size).toBe(2 * 1024 ** 3);
  rmSync(large);
  expect(await outcomeOf(await push.start())).toBe("success");
  expect(push.versions()).toEqual({ old: 0, new: files });
});

test("a pushed file is never readable by others before it has its mode", async () => {
  await using fleet = await JoinableFleet.start();
  const push = new Push(fleet);
  using _ = push.dir;
  await push.connect("--join", await fleet.joinText());
  writeFileSync(join(push.source, "large"), Buffer.alloc(128 * 1024 ** 2, "k"), { mode: 0o644 });
  const modes = new Set<string>();
  const watcher = watch(push.site, (_event, name) => {
    const path = join(push.site, name ?? "");
    if (!name?.startsWith(".wsctl-push-")) return;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) modes.add((stats.mode & 0o777).toString(8));
  });
  expect(await outcomeOf(await push.start("--mode", "600"))).toBe("success");
  watcher.close();
  expect([...modes]).toEqual(["600"]);
});
