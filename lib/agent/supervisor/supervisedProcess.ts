/**
 * The program of a supervisor: its start, its output, its timeout, and the end of all processes
 * that it started.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { programGraceMs, resultBytesMax } from "../../protocol/limits.ts";
import type { PipedProcess } from "../../runtime/runtime.ts";
import { system } from "../../system/current.ts";
import { HeadTailBuffer } from "./output/headTailBuffer.ts";
import type { OutputBackpressure } from "./output/outputBackpressure.ts";
import { ProcessTree } from "./processTree.ts";
import { type RunEnd, type SupervisedRun, unstarted } from "./runFiles.ts";
import { startFault } from "./startFault.ts";

/** The wait for output of a pipe that another process holds open. */
const drainMs = 500;
/** The wait after SIGKILL; a process that survives it is stuck in the kernel. */
const killTimeoutMs = 1_000;
/** The interval of checks whether processes of a stopped program are left. */
const pollIntervalMs = 100;

export type StartProgram = (file: string, args: readonly string[]) => PipedProcess;

export interface ProcessParts {
  /** Fetches what the program needs. Returns the reason if that is impossible. */
  prepare?(signal: AbortSignal): Promise<string | undefined>;
  live: OutputBackpressure;
  /** Records that from now on the program may have an effect. Throws if it must not start. */
  begun(): void;
  start: StartProgram;
  /** Lists the processes of the run, where the operating system keeps them together. */
  group?: (() => number[]) | undefined;
}

export class SupervisedProcess {
  readonly end: Promise<RunEnd>;
  readonly #spec: SupervisedRun;
  readonly #backpressure: OutputBackpressure;
  readonly #parts: ProcessParts;
  readonly #output: HeadTailBuffer;
  readonly #stdout = new HeadTailBuffer(2 * resultBytesMax);
  readonly #steps: string[][];
  readonly #tree: ProcessTree;
  #child: ChildProcess | undefined;
  #stopped: RunEnd["stopped"];
  readonly #preparation = new AbortController();
  #hasExited = false;
  #startedAt = 0;
  #killedAt = Number.POSITIVE_INFINITY;
  /** The program has ended, so nothing stops it any more. */
  #isOver = false;
  #settle: (end: RunEnd) => void = () => {};

  constructor(spec: SupervisedRun, parts: ProcessParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.#backpressure = parts.live;
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
    setTimeout(() => void this.#prepareAndStart(), this.#spec.delayMs);
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
    this.#preparation.abort();
    if (this.#child === undefined) {
      return this.#settle({ stopped: why, isUnstarted: true, output: "" });
    }
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

  async #prepareAndStart(): Promise<void> {
    if (this.#stopped !== undefined) return;
    const fault = await this.#parts.prepare?.(this.#preparation.signal);
    if (fault === undefined) return this.#start();
    if (this.#stopped === undefined) this.#settle(unstarted(fault));
  }

  #start(): void {
    if (this.#stopped !== undefined) return;
    const { directory, env } = this.#spec;
    const [file = "", ...args] = this.#steps.shift() ?? [];
    const hasBegun = this.#child !== undefined;
    const failed = (error: unknown) => {
      const why = startFault(file, directory, env.PATH ?? "", error);
      const fault = `cannot start "${file}" in ${directory}: ${why}`;
      this.#settle(hasBegun ? { fault, output: this.#output.text() } : unstarted(fault));
    };
    const refusal = system.refusal(file);
    if (refusal !== undefined) return failed(new Error(refusal));
    let program: PipedProcess;
    try {
      if (!hasBegun) this.#parts.begun();
      // A separate session, so that all processes of the program are in its process group.
      program = this.#parts.start(file, args);
    } catch (error) {
      // For example, the arguments are too long for the operating system.
      return failed(error);
    }
    const { child, stdout, stderr } = program;
    child.once("error", (error) => {
      if (child.pid === undefined) failed(error);
    });
    if (!hasBegun) this.#startedAt = performance.now();
    this.#child = child;
    this.#hasExited = false;
    this.#backpressure.take(stdout, "stdout", (chunk) => {
      this.#output.add(chunk);
      this.#stdout.add(chunk);
    });
    this.#backpressure.take(stderr, "stderr", (chunk) => this.#output.add(chunk));
    const closed = Promise.all([stdout, stderr].map(whenClosed));
    child.once("exit", (exitCode, signal) => this.#exited(closed, exitCode, signal));
  }

  /** A daemon may hold the pipes open: only the output that is already there is read. */
  async #exited(closed: Promise<unknown>, exitCode: number | null, signal: string | null) {
    this.#hasExited = true;
    const ranMs = Math.round(performance.now() - this.#startedAt);
    const isLast = exitCode !== 0 || this.#steps.length === 0;
    if (this.#stopped === undefined) this.#isOver = isLast;
    this.#backpressure.drain();
    await Promise.race([closed, delay(drainMs)]);
    if (this.#stopped !== undefined) await this.#nothingLeft();
    else if (!isLast) return this.#start();
    this.#settle({
      ...(exitCode === null ? {} : { exitCode }),
      ...(signal === null ? {} : { signal }),
      ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
      ranMs,
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
    const { group } = this.#parts;
    if (group !== undefined) return group().length > 0;
    const alive = this.#tree.alive(root);
    if (alive !== undefined) return alive.length > 0;
    return system.isAlive(root);
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    const root = this.#child?.pid;
    if (root === undefined) return;
    const { group } = this.#parts;
    if (group !== undefined && signal === "SIGKILL") {
      for (const pid of group()) endProcess(pid, signal);
      return;
    }
    // Searched first, because the ancestry is lost when parents have ended.
    const strays = (this.#tree.alive(root) ?? []).filter(({ group }) => group !== root);
    system.signal(root, signal);
    for (const { pid } of strays) endProcess(pid, signal);
  }
}

function endProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has already ended.
  }
}

/** Resolves when the stream has been read to its end, or cannot be read. */
function whenClosed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("close", resolve);
    stream.once("error", () => resolve());
  });
}

/** Whether a child has ended, even if its exit was not collected (on Linux only). */
function isOver(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return existsSync("/proc/self/stat");
  }
}
