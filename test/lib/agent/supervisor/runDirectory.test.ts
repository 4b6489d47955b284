/** How far a run came, as its directory tells it to the next process of the agent. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  openRunDirectory,
  prepareRunDirectory,
  takeStart,
} from "../../../../lib/agent/supervisor/runDirectory.ts";
import type { RunEnd, SupervisedRun } from "../../../../lib/agent/supervisor/runFiles.ts";
import { Runs } from "../../../../lib/agent/supervisor/supervisorClient.ts";
import { silentLog } from "../../../../lib/log/log.ts";
import { systemClock } from "../../../../lib/time/clock.ts";
import { Running, temporaryDir, wsctlCommand } from "../../../support/processes/processes.ts";

setDefaultTimeout(30_000);

// From the sources: a clone has no binary yet.
const self = wsctlCommand("bun");

function specOf(dir: string): SupervisedRun {
  return {
    requestId: "r-1",
    steps: [["/bin/sh", "-c", `echo ran > ${join(dir, "ran")}`]],
    delayMs: 0,
    env: { PATH: "/usr/bin:/bin" },
    directory: "/",
    stdin: "",
    timeoutMs: 5_000,
    outputBytes: 1_000,
  };
}

function runsIn(dir: string): Runs {
  return new Runs({ dir, self, clock: systemClock(), log: silentLog });
}

function resumed(runs: Runs): Promise<RunEnd | undefined> {
  return new Promise((resolve) => runs.resume("r-1", resolve));
}

test("a run that was only prepared never began", async () => {
  using dir = temporaryDir();
  runsIn(dir).prepare("r-1");
  expect(await resumed(runsIn(dir))).toMatchObject({ isUnstarted: true });
  runsIn(dir).deleteRunDirectory("r-1");
  expect(readdirSync(dir)).toEqual([]);
});

test("a run without any directory may have begun, because its directory may be deleted", async () => {
  using dir = temporaryDir();
  expect(await resumed(runsIn(dir))).toBeUndefined();
});

test("a prepared run starts, and its directory is used only once", async () => {
  using dir = temporaryDir();
  const runs = runsIn(dir);
  runs.prepare("r-1");
  const start = () => new Promise((resolve) => runs.start(specOf(dir), resolve));
  expect(await start()).toMatchObject({ exitCode: 0 });
  expect(existsSync(join(dir, "ran"))).toBe(true);
  expect(await start()).toBeUndefined();
});

test("a supervisor that never appears is given up, and one that comes later starts nothing", async () => {
  using dir = temporaryDir();
  const runs = runsIn(dir);
  const run = runs.runDirectory("r-1");
  prepareRunDirectory(run);
  openRunDirectory(run, specOf(dir));
  expect(await resumed(runs)).toMatchObject({ isUnstarted: true });
  await using late = new Running([...self, "internal", "supervise", run]);
  expect(await late.exited).toBe(0);
  expect(existsSync(join(dir, "ran"))).toBe(false);
  expect(JSON.parse(readFileSync(join(run, "end.json"), "utf8"))).toMatchObject({
    isUnstarted: true,
  });
});

test("only one of two takes the start of a run", () => {
  using dir = temporaryDir();
  const run = join(dir, "run");
  mkdirSync(run);
  expect([takeStart(run), takeStart(run)]).toEqual([true, false]);
});
