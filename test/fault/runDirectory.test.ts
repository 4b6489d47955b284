/**
 * A program leaves something in its run's directory that nobody can remove. The agent goes on, and
 * starts again. A mount stands for everything of that kind, which only root may make.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../lib/protocol/api/views.ts";
import { connectedAgent, startServe, temporaryDir, wsctl } from "../support/processes/processes.ts";

const mountHere =
  'd=$(dirname "$WSCTL_RESULT_FILE")/sub; mkdir "$d"; mount -t tmpfs -o size=1m tmpfs "$d"';

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  using dir = temporaryDir();
  if (spawnSync("mount", ["-t", "tmpfs", "tmpfs", `${dir}`]).status !== 0) return false;
  return spawnSync("umount", [`${dir}`]).status === 0;
}

const mayMount = canMount();

test.skipIf(!mayMount)(
  "a mount in a run's directory neither ends the agent nor keeps it from starting",
  async () => {
    using dir = temporaryDir();
    const commands = join(`${dir}`, "commands.d");
    mkdirSync(commands);
    const define = (name: string, script: string) => {
      const argv = JSON.stringify(["/bin/sh", "-c", script]);
      writeFileSync(join(commands, `${name}.toml`), `description = "d"\nargv = ${argv}\n`);
    };
    define("mounts", mountHere);
    define("fine", "true");
    await using _ = await startServe({ dataDir: dir });
    const send = async (name: string) => {
      const sent = await wsctl(["send", name, "--agent", "a", "--json", "--data-dir", `${dir}`]);
      return (JSON.parse(sent.stdout || "{}") as OutcomeLine).outcome;
    };
    const options = { dataDir: `${dir}`, id: "a", args: ["--commands-dir", commands] };
    const runs = join(`${dir}`, "agents", "a", "runs");
    const runOf = () => readdirSync(runs).find((name) => existsSync(join(runs, name, "sub"))) ?? "";
    await using agent = await connectedAgent(options);
    try {
      expect(await send("mounts")).toBe("success");
      await agent.logged(/Cannot remove ".*EBUSY/);
      expect(await send("fine")).toBe("success");
      expect(agent.hasExited).toBe(false);
      await agent.stop();
      const longAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
      utimesSync(join(runs, runOf()), longAgo, longAgo);
      await using again = await connectedAgent(options);
      await again.logged(/Cannot remove ".*EBUSY/);
      expect(await send("fine")).toBe("success");
      await again.stop();
      spawnSync("umount", [join(runs, runOf(), "sub")]);
      utimesSync(join(runs, runOf()), longAgo, longAgo);
      await using third = await connectedAgent(options);
      expect(readdirSync(runs)).toEqual([]);
      await third.stop();
    } finally {
      spawnSync("umount", ["-l", join(runs, runOf(), "sub")]);
    }
  },
);
