/** Starts the programs that print log lines, and handles their end. */
import { type ChildProcess, spawn } from "node:child_process";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { system } from "../../system/current.ts";
import { type FilterSpec, isFiltering } from "./lineFilter.ts";
import type { CommandSource, SystemdJournalSource } from "./logSource.ts";
import type { Selection } from "./selectLines.ts";

/** The time between SIGTERM and SIGKILL; the agent's own supervisor waits little longer. */
const graceMs = 1_000;
/** The wait for output of a pipe that another process holds open. */
const drainMs = 500;
const errorCharsMax = 2_000;

/** The program itself failed, as opposed to the write of its lines. */
export class ProgramFailure extends WsctlError {}

export interface ProgramStreams {
  stdout(bytes: Uint8Array): void;
  stderr(bytes: Uint8Array): void;
}

/**
 * Builds the arguments for the journal up to `now`. journalctl filters by time, because its own
 * timestamps are more precise than the printed ones.
 */
export function journalArgv(
  source: SystemdJournalSource,
  selection: Selection,
  now: number,
): string[] {
  const { lines, filter } = selection;
  const until = Math.min(filter.until ?? now, now);
  return [
    ...journalHead(source),
    ...(filter.since === undefined ? [] : [`--since=${stamp(filter.since)}`]),
    `--until=${stamp(until)}`,
    // With a pattern, journalctl cannot count the lines, and many versions count them from `since`
    // or from the end.
    ...(lines === "all" || isFiltering(filter) ? [] : [`--lines=${lines}`]),
  ];
}

/** Builds the arguments for the journal from `from` on, without an end. */
export function journalFollowArgv(source: SystemdJournalSource, from: number): string[] {
  return [...journalHead(source), "--follow", "--no-tail", `--since=${stamp(from)}`];
}

function journalHead({ unit }: SystemdJournalSource): string[] {
  const which = unit === undefined ? [] : ["-u", unit];
  return ["journalctl", ...which, "-o", "short-iso", "--no-pager", "-q"];
}

function stamp(time: number): string {
  return `@${Math.floor(time / 1000)}.${String(time % 1000).padStart(3, "0")}`;
}

/** Returns the part of the filter that journalctl does not apply. */
export function journalFilter(
  source: SystemdJournalSource | CommandSource,
  wanted: FilterSpec,
): FilterSpec {
  const { grep } = wanted;
  if (source.kind === "command" || !isFiltering(wanted)) return wanted;
  return grep === undefined ? {} : { grep };
}

/**
 * Runs a program until it ends or the signal is aborted, then stops it and its child processes.
 * Throws the errors of `streams`, and a `ProgramFailure` if the program failed.
 */
export function runProgram(argv: readonly string[], streams: ProgramStreams, signal: AbortSignal) {
  return new Promise<void>((resolve, reject) => {
    const [file = "", ...args] = argv;
    if (signal.aborted) return resolve();
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    let errors = "";
    let fault: unknown;
    const stop = () => stopGroup(child);
    const feed = (take: (bytes: Uint8Array) => void) => (chunk: Buffer) => {
      if (fault !== undefined) return;
      try {
        take(chunk);
      } catch (error) {
        fault = error;
        stop();
      }
    };
    child.stdout.on("data", feed(streams.stdout));
    child.stderr.on("data", feed(streams.stderr));
    child.stderr.on("data", (chunk: Buffer) => {
      errors = `${errors}${chunk.toString("utf8")}`.slice(-errorCharsMax);
    });
    signal.addEventListener("abort", stop, { once: true });
    let isDone = false;
    const done = (failure: string | undefined) => {
      if (isDone) return;
      isDone = true;
      signal.removeEventListener("abort", stop);
      // Output of processes that it left behind is not read.
      child.stdout.destroy();
      child.stderr.destroy();
      if (fault !== undefined) return reject(fault);
      if (failure === undefined || signal.aborted) return resolve();
      const said = errors.trim() === "" ? "" : `: ${errors.trim()}`;
      reject(new ProgramFailure("INTERNAL", `"${argv.join(" ")}" ${failure}${said}`));
    };
    child.once("error", (error) => {
      if (child.pid === undefined) done(`cannot be started: ${errorText(error)}`);
    });
    child.once("exit", (code, by) => {
      const failure = code === 0 ? undefined : `ended with ${by ?? `status ${code}`}`;
      child.once("close", () => done(failure));
      setTimeout(() => done(failure), drainMs);
    });
  });
}

function stopGroup(child: ChildProcess): void {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), graceMs);
  child.once("exit", () => {
    clearTimeout(timer);
    kill(child, "SIGKILL");
  });
}

function kill({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid !== undefined) system.signal(pid, signal);
}
