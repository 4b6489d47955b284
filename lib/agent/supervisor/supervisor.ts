/**
 * A program's supervisor: a separate process between the agent and the program, so that the program
 * and its result survive the end of the agent. It enforces the timeout, keeps head and tail of the
 * output, and writes to disk how the program ended. A connection to its socket shows that it runs,
 * and can request a stop.
 */
import { existsSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errorText } from "../../protocol/errors.ts";
import type { PipedProcess, Runtime } from "../../runtime/runtime.ts";
import { system } from "../../system/current.ts";
import { fetchFiles } from "./fetchedFiles.ts";
import { OutputBackpressure } from "./output/outputBackpressure.ts";
import { readProgramResult } from "./result/programResult.ts";
import { ResultFile } from "./result/resultFile.ts";
import { storeArtifacts, withArtifacts } from "./result/storedArtifacts.ts";
import { takeStart } from "./runDirectory.ts";
import {
  endFile,
  type Helper,
  msgRead,
  msgRelease,
  type RunEnd,
  readFileIfExists,
  type SupervisedRun,
  scriptFile,
  specFile,
  stopSignals,
  unstarted,
  writeRunFile,
} from "./runFiles.ts";
import { type StartProgram, SupervisedProcess } from "./supervisedProcess.ts";

const retryMs = 1_000;

/** Runs the program of this directory to its end; resolves when the end is on disk. */
export async function superviseRun(
  dir: string,
  runtime: Pick<Runtime, "spawnPiped" | "openGroup">,
): Promise<void> {
  const spec = readFileIfExists<SupervisedRun>(dir, specFile);
  // The directory was deleted, or the program has already run.
  if (spec === undefined || readFileIfExists(dir, endFile) !== undefined) return;
  // The agent creates private files; the files of programs are as after a login.
  process.umask(0o022);
  const live = new OutputBackpressure(dir);
  const refuse = (fault: string) => {
    return keepTrying(dir, () => writeRunFile(dir, endFile, unstarted(fault)));
  };
  const place = openResultFile(dir, spec);
  if (typeof place === "string") return refuse(place);
  const unwritten = writeScript(dir, spec);
  if (unwritten !== undefined) return refuse(unwritten);
  const env = {
    ...spec.env,
    WSCTL_RESULT_FILE: place.path,
    WSCTL_ARTIFACT_DIR: place.artifactDir,
  };
  const startedAt = performance.now();
  const begun = () => {
    if (!takeStart(dir)) throw new Error("the agent gave the run up before it started");
  };
  const start: StartProgram = (file, args) => {
    const { directory: cwd, stdin } = spec;
    return runtime.spawnPiped(file, args, {
      cwd,
      env,
      stdin,
      pipeOwner: place.owner,
    });
  };
  const spawn = ({ argv: [file = "", ...args], env, stdin }: Helper) =>
    runtime.spawnPiped(file, args, { cwd: "/", env, stdin, pipeOwner: undefined });
  const { fetching } = spec;
  const prepare = (signal: AbortSignal) =>
    fetching === undefined
      ? Promise.resolve(undefined)
      : fetchFiles(fetching, { owner: place.owner, signal, spawn });
  const run = new SupervisedProcess(spec, {
    live,
    prepare,
    begun,
    start,
    group: runtime.openGroup?.(),
  });
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    listen(socket, (line) => {
      const [word = "", taken, seen] = line.split(" ");
      const why = stopSignals.find((each) => each === word);
      if (why !== undefined) run.stop(why);
      else if (word === msgRelease) live.stopWaiting();
      else if (word === msgRead) live.onDrained(Number(taken), Number(seen), socket);
    });
  });
  const fault = await new Promise<Error | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen(system.runAddress(dir), () => resolve(undefined));
  });
  if (fault !== undefined) return refuse(`Cannot listen in "${dir}": ${errorText(fault)}`);
  run.begin();
  // When the service stops, the program gets SIGTERM, and the supervisor ends after it.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => run.stop("shutdown"));
  }
  const end = await run.end;
  const lastPiece = live.end();
  const own = { ...end, lastPiece, ...readProgramResult(place, run.lastLine, end.output) };
  const timeoutMs = Math.max(0, spec.timeoutMs - (performance.now() - startedAt));
  const whole = await withStored(own, { spec, place, timeoutMs, spawn });
  await keepTrying(dir, () => writeRunFile(dir, endFile, whole));
  place.remove();
}

/** Adds the artifacts that a run left, unless it was stopped. */
async function withStored(
  end: RunEnd,
  setting: {
    spec: SupervisedRun;
    place: ResultFile;
    timeoutMs: number;
    spawn(helper: Helper): PipedProcess;
  },
): Promise<RunEnd> {
  const { spec, place, timeoutMs, spawn } = setting;
  const { storing } = spec;
  if (storing === undefined || end.stopped !== undefined || !place.hasArtifacts) return end;
  const { isTooLarge } = place;
  const stored = await storeArtifacts({ storing, place, timeoutMs, spawn });
  return withArtifacts(end, stored, isTooLarge);
}

/** Returns the reason if there can be none because the user does not exist. */
function openResultFile(dir: string, { user }: SupervisedRun): ResultFile | string {
  try {
    return new ResultFile(dir, user);
  } catch (error) {
    return `cannot run as user "${user}": ${errorText(error)}`;
  }
}

/** Returns the reason if the script cannot be written. */
function writeScript(dir: string, { script }: SupervisedRun): string | undefined {
  if (script === undefined) return undefined;
  const path = join(dir, scriptFile);
  try {
    writeFileSync(path, script, { mode: 0o700 });
    return undefined;
  } catch (error) {
    return `cannot write the script "${path}": ${errorText(error)}`;
  }
}

/** Reads lines of an agent. A connection that sends no line for too long is closed. */
function listen(socket: Socket, onLine: (line: string) => void): void {
  let rest = "";
  socket.on("data", (bytes) => {
    const lines = (rest + bytes.toString()).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > 1_000) socket.destroy();
    lines.forEach(onLine);
  });
}

/**
 * Repeats a write while the disk is full, because the end of the program is stored nowhere else. If
 * the directory was deleted, it stops.
 */
async function keepTrying(dir: string, write: () => void): Promise<void> {
  for (;;) {
    try {
      return write();
    } catch {
      if (!existsSync(dir)) return;
      await delay(retryMs);
    }
  }
}
