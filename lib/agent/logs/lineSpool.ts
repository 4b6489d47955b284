/**
 * Keeps a program's output on disk until it is known which lines are the last. The space is
 * limited: the oldest lines are deleted first.
 */
import { rmSync } from "node:fs";
import { WsctlError } from "../../protocol/errors.ts";
import { type FilterSpec, LineFilter } from "./lineFilter.ts";
import { LineMerger, LineSplitter } from "./lineSplitter.ts";
import { OpenFile } from "./openFile.ts";
import type { Input } from "./openInputs.ts";
import { ResultWriter } from "./resultWriter.ts";
import { runProgram } from "./runLogProgram.ts";

export interface SpoolOptions {
  /** The prefix of its files. */
  path: string;
  bytesMax: number;
  /** The number of requested lines. */
  lines: number | "all";
}

export class LineSpool implements Disposable {
  readonly #options: SpoolOptions;
  /**
   * At most two files, each with half of the space: the current one, and the full one before it.
   */
  #parts: ResultWriter[] = [];
  #made = 0;
  #isMidLine = false;
  #isDropped = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  write(bytes: Uint8Array): void {
    const { bytesMax } = this.#options;
    const size = this.#parts.at(-1)?.bytes ?? bytesMax;
    // A line is split only if it alone is larger than the space.
    if (size >= bytesMax / 2 && (!this.#isMidLine || size >= bytesMax)) this.#next();
    this.#parts.at(-1)?.write(bytes);
    this.#isMidLine = bytes.at(-1) !== 10;
  }

  /**
   * Returns the kept lines, the oldest first.
   * @throws {WsctlError} TOO_LARGE if requested lines were deleted.
   */
  inputs(): Input[] {
    const { lines, bytesMax } = this.#options;
    const kept = this.#parts.reduce((sum, part) => sum + part.lines, 0);
    if (this.#isDropped && (lines === "all" || kept < lines)) throw tooMuch(bytesMax);
    return this.#parts.map((part) => {
      part.flush();
      const { path, bytes: end } = part;
      return { file: new OpenFile(path), path, end, modifiedAtMs: Infinity, isGzip: false };
    });
  }

  [Symbol.dispose](): void {
    for (const part of this.#parts) remove(part);
    this.#parts = [];
  }

  #next(): void {
    const { path, bytesMax, lines } = this.#options;
    const [oldest] = this.#parts;
    if (this.#parts.length === 2 && oldest !== undefined) {
      if (lines === "all") throw tooMuch(bytesMax);
      this.#isDropped = true;
      remove(oldest);
      this.#parts.shift();
    }
    this.#parts.push(new ResultWriter(`${path}.${++this.#made}`, Infinity));
  }
}

/** Runs a program and keeps the selected lines of one or both of its streams. */
export async function spoolProgram(
  argv: readonly string[],
  { wanted, isBoth, now }: { wanted: FilterSpec; isBoth: boolean; now: number },
  spool: LineSpool,
  signal: AbortSignal,
): Promise<void> {
  const merger = new LineMerger((bytes) => spool.write(bytes));
  await runLines(
    argv,
    { makeFilter: () => new LineFilter(wanted, now), hasBothStreams: isBoth, merger },
    signal,
  );
}

export interface LineStreams {
  makeFilter(): LineFilter;
  /** Whether standard error contains lines too. */
  hasBothStreams: boolean;
  merger: LineMerger;
  /** Called when all available output is passed on. */
  pause?(): void;
}

/** Each stream is split separately, so that its lines do not mix with those of the other. */
export async function runLines(
  argv: readonly string[],
  { makeFilter, hasBothStreams, merger, pause }: LineStreams,
  signal: AbortSignal,
): Promise<void> {
  const splitter = () => {
    const filter = makeFilter();
    return new LineSplitter(merger.sink((head) => filter.accepts(head)));
  };
  const [stdout, stderr] = [splitter(), splitter()];
  const feed = (into: LineSplitter) => (bytes: Uint8Array) => {
    into.push(bytes);
    pause?.();
  };
  const streams = { stdout: feed(stdout), stderr: hasBothStreams ? feed(stderr) : () => {} };
  try {
    await runProgram(argv, streams, signal);
  } finally {
    stdout.end();
    stderr.end();
    pause?.();
  }
}

function remove(part: ResultWriter): void {
  part.close();
  rmSync(part.path, { force: true });
}

function tooMuch(bytesMax: number): WsctlError {
  const advice = "request fewer lines, or use since, until or grep";
  return new WsctlError("TOO_LARGE", `The source has more than ${bytesMax} bytes: ${advice}`);
}
