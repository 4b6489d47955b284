/**
 * A program's supervisor: a process of its own between the agent and the program, so that neither
 * the program nor what is known of it dies with the agent. It holds the time limit, keeps head and
 * tail of the output, and writes how the program ended to disk; whoever connects to its socket
 * sees that it lives, and may ask it to stop the program.
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

/** What still comes out of a pipe that somebody else holds open is not waited for longer. */
const drainMs = 500;
/** After SIGKILL the kernel needs a moment; a process that survives it is stuck in the kernel. */
const killTimeoutMs = 1_000;
const retryMs = 1_000;
/** How soon it is seen that nothing is left of what was stopped. */
const pollIntervalMs = 100;

/** Runs the program of this directory to its end; resolves once that is on disk. */
export async function superviseRun(dir: string): Promise<void> {
  const spec = readFileIfExists<SupervisedRun>(dir, specFile);
  // A directory that was taken away again, or a program that has had its run.
  if (spec === undefined || readFileIfExists(dir, endFile) !== undefined) return;
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
  // Of the service's end the program is told like everybody else; only then is it over.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => run.stop("shutdown"));
  }
  const end = await run.end;
  const lastPiece = live.end();
  const whole = { ...end, lastPiece, ...readProgramResult(place, run.lastLine, end.output) };
  await keepTrying(dir, () => writeRunFile(dir, endFile, whole));
  place.remove();
}

/** Why there can be none, where it is to run as somebody who does not exist. */
function openResultFile(dir: string, { user }: SupervisedRun): ResultFile | string {
  try {
    return new ResultFile(dir, user);
  } catch (error) {
    return `cannot run as "${user}": ${errorText(error)}`;
  }
}

/** Lines of an agent's; one that sends none for too long is not one of ours. */
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
  /** Notes that from now on it may have had an effect. */
  readonly #begun: () => void;
  readonly #output: HeadTailBuffer;
  readonly #stdout = new HeadTailBuffer(2 * resultBytesMax);
  readonly #steps: string[][];
  readonly #tree: ProcessTree;
  #child: ChildProcess | undefined;
  #stopped: RunEnd["stopped"];
  #hasExited = false;
  #killedAt = Number.POSITIVE_INFINITY;
  /** It has ended by itself: what comes now stops nothing any more. */
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

  /** From here on its time runs. */
  begin(): void {
    setTimeout(() => this.stop("timeout"), this.#spec.timeoutMs);
    setTimeout(() => this.#start(), this.#spec.delayMs);
  }

  /** The last line on standard output that is not empty. */
  get lastLine(): string {
    return this.#stdout.text().trimEnd().split("\n").at(-1) ?? "";
  }

  /** SIGTERM to the program and all that it started, SIGKILL to what is left after the grace. */
  stop(why: NonNullable<RunEnd["stopped"]>, isSure = false): void {
    if (this.#stopped !== undefined || this.#isOver) return;
    if (!isSure && this.#seemsOver()) {
      // Its end is about to be told; what only looks like one is stopped after all.
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
        const fault = "the program did not end even when it was killed; it may still run";
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
      // The operating system says of a missing directory what it says of a missing program.
      const why = existsSync(directory) ? errorText(error) : "there is no such directory";
      const fault = `cannot start "${file}" in ${directory}: ${why}`;
      this.#settle(hasBegun ? { fault, output: this.#output.text() } : unstarted(fault));
    };
    let child: ChildProcessWithoutNullStreams;
    try {
      this.#begun();
      // A session of its own: what it starts is in its process group and can be reached as one.
      child = spawn(file, args, { cwd: directory, env, detached: true });
    } catch (error) {
      // Such as arguments that are too long for the operating system.
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
    // Programs need not read what they are given.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    child.once("exit", (exitCode, signal) => this.#exited(child, exitCode, signal));
  }

  /** A daemon that it left behind may hold the pipes open: what is there is taken, and no more. */
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

  /** What a stopped program had started has the whole grace to end, and then is killed. */
  async #nothingLeft(): Promise<void> {
    while (this.#isAnyLeft()) {
      const killedForMs = performance.now() - this.#killedAt;
      if (killedForMs > killTimeoutMs) return;
      // Again, as it may have gone on starting others.
      if (killedForMs >= 0) this.#signal("SIGKILL");
      await delay(pollIntervalMs);
    }
  }

  /** Whether the last program has ended already, and this process is yet to be told. */
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
    // Looked for first: who descends from whom is not to be seen any more once parents have ended.
    const strays = (this.#tree.alive(root) ?? []).filter(({ group }) => group !== root);
    for (const pid of [-root, ...strays.map((stray) => stray.pid)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended by itself.
      }
    }
  }
}

/** Whether a child has ended, also where nobody has taken note of it (seen on Linux alone). */
function isOver(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return existsSync("/proc/self/stat");
  }
}

/**
 * A full disk is waited out: nobody else knows how the program ended. Where the directory was taken
 * away nobody will ask.
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
