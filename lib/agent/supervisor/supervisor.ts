/**
 * A program's supervisor: a separate process between the agent and the program, so that the program
 * and its result survive the end of the agent. It enforces the timeout, keeps head and tail of the
 * output, and writes to disk how the program ended. A connection to its socket shows that it runs,
 * and can request a stop.
 */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errorText } from "../../protocol/errors.ts";
import { programGraceMs, resultBytesMax } from "../../protocol/limits.ts";
import { HeadTailBuffer } from "./headTailBuffer.ts";
import { OutputBackpressure } from "./outputBackpressure.ts";
import { ProcessTree } from "./processTree.ts";
import { readProgramResult } from "./programResult.ts";
import { ResultFile } from "./resultFile.ts";
import {
  begunFile,
  endFile,
  msgRead,
  msgRelease,
  type RunEnd,
  readFileIfExists,
  type SupervisedRun,
  socketFile,
  specFile,
  stopSignals,
  unstarted,
  writeRunFile,
} from "./runFiles.ts";

/** The wait for output of a pipe that another process holds open. */
const drainMs = 500;
/** The wait after SIGKILL; a process that survives it is stuck in the kernel. */
const killTimeoutMs = 1_000;
const retryMs = 1_000;
/** The interval of checks whether processes of a stopped program are left. */
const pollIntervalMs = 100;

/** Runs the program of this directory to its end; resolves when the end is on disk. */
export async function superviseRun(dir: string): Promise<void> {
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
  const env = { ...spec.env, WSCTL_RESULT_FILE: place.path };
  const begun = () => writeFileSync(join(dir, begunFile), "");
  const run = new SupervisedProcess({ ...spec, env }, live, begun);
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
    server.listen(join(dir, socketFile), () => resolve(undefined));
  });
  if (fault !== undefined) return refuse(`Cannot listen in "${dir}": ${errorText(fault)}`);
  run.begin();
  // When the service stops, the program gets SIGTERM, and the supervisor ends after it.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => run.stop("shutdown"));
  }
  const end = await run.end;
  const lastPiece = live.end();
  const whole = { ...end, lastPiece, ...readProgramResult(place, run.lastLine, end.output) };
  await keepTrying(dir, () => writeRunFile(dir, endFile, whole));
  place.remove();
}

/** Returns the reason if there can be none because the user does not exist. */
function openResultFile(dir: string, { user }: SupervisedRun): ResultFile | string {
  try {
    return new ResultFile(dir, user);
  } catch (error) {
    return `cannot run as user "${user}": ${errorText(error)}`;
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

class SupervisedProcess {
  readonly end: Promise<RunEnd>;
  readonly #spec: SupervisedRun;
  readonly #backpressure: OutputBackpressure;
  /** Records that from now on the program may have an effect. */
  readonly #begun: () => void;
  readonly #output: HeadTailBuffer;
  readonly #stdout = new HeadTailBuffer(2 * resultBytesMax);
  readonly #steps: string[][];
  readonly #tree: ProcessTree;
  #child: ChildProcess | undefined;
  #stopped: RunEnd["stopped"];
  #hasExited = false;
  #killedAt = Number.POSITIVE_INFINITY;
  /** The program has ended, so nothing stops it any more. */
  #isOver = false;
  #settle: (end: RunEnd) => void = () => {};

  constructor(spec: SupervisedRun, live: OutputBackpressure, begun: () => void) {
    this.#spec = spec;
    this.#backpressure = live;
    this.#begun = begun;
    this.#output = new HeadTailBuffer(spec.outputBytes);
    this.end = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#steps = [...spec.steps];
    this.#tree = new ProcessTree(spec.requestId);
  }

  /** The timeout starts here. */
  begin(): void {
    setTimeout(() => this.stop("timeout"), this.#spec.timeoutMs);
    setTimeout(() => this.#start(), this.#spec.delayMs);
  }

  /** The last non-empty line of standard output. */
  get lastLine(): string {
    return this.#stdout.text().trimEnd().split("\n").at(-1) ?? "";
  }

  /**
   * Sends SIGTERM to the program and all its processes, then SIGKILL to the rest after the grace
   * period.
   */
  stop(why: NonNullable<RunEnd["stopped"]>, isSure = false): void {
    if (this.#stopped !== undefined || this.#isOver) return;
    if (!isSure && this.#seemsOver()) {
      // Its exit event is about to arrive; if it does not, the program is stopped.
      setTimeout(() => this.stop(why, true), drainMs);
      return;
    }
    this.#stopped = why;
    if (this.#child === undefined) return this.#settle({ stopped: why, output: "" });
    this.#backpressure.unsubscribe();
    this.#signal("SIGTERM");
    setTimeout(() => {
      this.#killedAt = performance.now();
      this.#signal("SIGKILL");
      setTimeout(() => {
        if (this.#hasExited) return;
        const fault = "the program did not end after SIGKILL; it may still run";
        this.#settle({ stopped: why, fault, output: this.#output.text() });
      }, killTimeoutMs);
    }, programGraceMs);
  }

  #start(): void {
    if (this.#stopped !== undefined) return;
    const { env, directory, stdin } = this.#spec;
    const [file = "", ...args] = this.#steps.shift() ?? [];
    const hasBegun = this.#child !== undefined;
    const failed = (error: unknown) => {
      // For a missing directory the operating system reports the same error as for a missing
      // program.
      const why = existsSync(directory) ? errorText(error) : "the directory does not exist";
      const fault = `cannot start "${file}" in ${directory}: ${why}`;
      this.#settle(hasBegun ? { fault, output: this.#output.text() } : unstarted(fault));
    };
    let child: ChildProcessWithoutNullStreams;
    try {
      this.#begun();
      // A separate session, so that all processes of the program are in its process group.
      child = spawn(file, args, { cwd: directory, env, detached: true });
    } catch (error) {
      // For example, the arguments are too long for the operating system.
      return failed(error);
    }
    child.once("error", (error) => {
      if (child.pid === undefined) failed(error);
    });
    this.#child = child;
    this.#hasExited = false;
    this.#backpressure.take(child.stdout, "stdout", (chunk) => {
      this.#output.add(chunk);
      this.#stdout.add(chunk);
    });
    this.#backpressure.take(child.stderr, "stderr", (chunk) => this.#output.add(chunk));
    // A program need not read its standard input.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    child.once("exit", (exitCode, signal) => this.#exited(child, exitCode, signal));
  }

  /** A daemon may hold the pipes open: only the output that is already there is read. */
  async #exited(child: ChildProcess, exitCode: number | null, signal: string | null) {
    this.#hasExited = true;
    const isLast = exitCode !== 0 || this.#steps.length === 0;
    if (this.#stopped === undefined) this.#isOver = isLast;
    this.#backpressure.drain();
    await Promise.race([new Promise((resolve) => child.once("close", resolve)), delay(drainMs)]);
    if (this.#stopped !== undefined) await this.#nothingLeft();
    else if (!isLast) return this.#start();
    this.#settle({
      ...(exitCode === null ? {} : { exitCode }),
      ...(signal === null ? {} : { signal }),
      ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
      output: this.#output.text(),
    });
  }

  /** Processes of a stopped program get the whole grace period, then SIGKILL. */
  async #nothingLeft(): Promise<void> {
    while (this.#isAnyLeft()) {
      const killedForMs = performance.now() - this.#killedAt;
      if (killedForMs > killTimeoutMs) return;
      // Repeated, because they may have started further processes.
      if (killedForMs >= 0) this.#signal("SIGKILL");
      await delay(pollIntervalMs);
    }
  }

  /** Whether the last program has ended, although its exit event has not arrived. */
  #seemsOver(): boolean {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#hasExited || this.#steps.length > 0) return false;
    return isOver(pid);
  }

  #isAnyLeft(): boolean {
    const root = this.#child?.pid;
    if (root === undefined) return false;
    const alive = this.#tree.alive(root);
    if (alive !== undefined) return alive.length > 0;
    try {
      return process.kill(-root, 0);
    } catch {
      return false;
    }
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    const root = this.#child?.pid;
    if (root === undefined) return;
    // Searched first, because the ancestry is lost when parents have ended.
    const strays = (this.#tree.alive(root) ?? []).filter(({ group }) => group !== root);
    for (const pid of [-root, ...strays.map((stray) => stray.pid)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // The process has already ended.
      }
    }
  }
}

/** Whether a child has ended, even if its exit was not collected (on Linux only). */
function isOver(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return existsSync("/proc/self/stat");
  }
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
