/**
 * Collects the lines of one source for `fetch_logs`: writes them to a file, prints them if they are
 * few, and then follows the source for the requested time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { BufferedWriter } from "./bufferedWriter.ts";
import { type CollectRequest, type CollectResult, shortened } from "./collectRequest.ts";
import { FileFollower } from "./fileFollower.ts";
import { type FilterSpec, LineFilter } from "./lineFilter.ts";
import { LineMerger } from "./lineSplitter.ts";
import { LineSpool, runLines, spoolProgram } from "./lineSpool.ts";
import type { CommandSource, FilesSource, SystemdJournalSource } from "./logSource.ts";
import { closeAll, type Input, openInputs, type Skipped } from "./openInputs.ts";
import { parseTime } from "./parseTime.ts";
import { createProgress } from "./progress.ts";
import type { ReadContext } from "./readChunks.ts";
import { type ResultInfo, ResultWriter } from "./resultWriter.ts";
import { journalArgv, journalFilter, journalFollowArgv, ProgramFailure } from "./runLogProgram.ts";
import { type FileCount, type Selection, selectLines } from "./selectLines.ts";

const spoolBytesDefault = 512 * 1024 * 1024;
const outputBytesDefault = 8 * 1024 * 1024 * 1024;
/** The interval at which files are checked for new lines, and directories for new files. */
const readMs = 200;
const pollIntervalMs = 1_000;
const lastReadMs = 500;

export interface CollectOut {
  /** Writes to standard output. */
  write(bytes: Uint8Array): void;
  /** Prints a progress line for subscribers. */
  remark(line: string): void;
}

export interface CollectOptions {
  /** When it is aborted, the collection ends with the lines that are already selected. */
  signal: AbortSignal;
  /** Stores a result that is too large to print; its return value becomes part of the response. */
  store?: (path: string, facts: ResultInfo) => Promise<unknown>;
  now?: () => number;
  spoolBytesMax?: number;
  outputBytesMax?: number;
}

/**
 * Collects the lines.
 * @throws {WsctlError} The source cannot be read, or the result cannot be written.
 */
export async function collect(
  request: CollectRequest,
  out: CollectOut,
  options: CollectOptions,
): Promise<CollectResult> {
  const output = new ResultWriter(request.output, options.outputBytesMax ?? outputBytesDefault);
  try {
    const collection = new LogCollector(request, out, options, output);
    await collection.run();
    const facts = output.finish();
    const isLarge = facts.bytes > request.inline_bytes;
    const artifact = isLarge ? await options.store?.(request.output, facts) : undefined;
    return {
      ...facts,
      ...shortened(collection.files, collection.skipped),
      ...(options.signal.aborted ? { stopped: true } : {}),
      ...(artifact !== undefined ? { artifact } : isLarge ? { file: request.output } : {}),
    };
  } finally {
    output.close();
  }
}

class LogCollector {
  files: FileCount[] = [];
  skipped: Skipped[] = [];
  readonly #request: CollectRequest;
  readonly #out: CollectOut;
  readonly #options: CollectOptions;
  readonly #output: ResultWriter;
  readonly #startedAt: number;
  readonly #context: ReadContext;
  readonly #selection: Selection;

  constructor(
    request: CollectRequest,
    out: CollectOut,
    options: CollectOptions,
    output: ResultWriter,
  ) {
    this.#request = request;
    this.#out = out;
    this.#options = options;
    this.#output = output;
    this.#startedAt = (options.now ?? Date.now)();
    const reportProgress = (line: string) => (request.live ? out.remark(line) : undefined);
    this.#context = { signal: options.signal, progress: createProgress(reportProgress) };
    this.#selection = buildSelection(request, this.#startedAt);
  }

  async run(): Promise<void> {
    const { source } = this.#request;
    if (source.kind === "files") await this.#runFiles(source);
    else await this.#runProgram(source);
  }

  async #runFiles({ files: globs }: FilesSource): Promise<void> {
    const isFollowed = this.#request.parameters.follow !== undefined;
    const { inputs, skipped } = await openInputs(globs, isFollowed);
    this.skipped = skipped;
    try {
      const selected = await selectLines(inputs, this.#selection, this.#output, this.#context);
      this.files = selected.files;
      this.skipped.push(...selected.skipped);
      const readable = inputs.filter(({ path }) => !selected.skipped.some((s) => s.path === path));
      this.#remarkOnTimes();
      const [broken] = selected.skipped;
      if (readable.length === 0 && this.#output.bytes === 0 && broken !== undefined) {
        throw new WsctlError("NOT_FOUND", `Cannot read ${broken.path}: ${broken.reason}`);
      }
      this.#printIfFew();
      if (isFollowed) await this.#followFiles(globs, inputs);
    } finally {
      closeAll(inputs);
    }
  }

  /** Without this, lines in an unknown layout of time would look like no lines. */
  #remarkOnTimes(): void {
    for (const { path, lines, lines_without_timestamp: left = 0 } of this.files) {
      if (lines > 0 || left === 0) continue;
      const count = left === 1 ? "1 line was" : `${left} lines were`;
      this.#out.remark(`${path}: ${count} left out: no known time, and since and until need one`);
    }
  }

  async #runProgram(source: SystemdJournalSource | CommandSource): Promise<void> {
    const { signal, spoolBytesMax: bytesMax = spoolBytesDefault } = this.#options;
    const { lines, filter: wanted } = this.#selection;
    const isJournal = source.kind === "journal";
    const argv = isJournal ? journalArgv(source, this.#selection, this.#startedAt) : source.argv;
    using spool = new LineSpool({ path: `${this.#request.output}.spool`, bytesMax, lines });
    const filter = journalFilter(source, wanted);
    const kept = { wanted: filter, isBoth: !isJournal, now: this.#startedAt };
    await spoolProgram(argv, kept, spool, signal);
    const inputs = spool.inputs();
    try {
      // The spooled lines are processed completely, even after a stop.
      const watch = { ...this.#context, signal: new AbortController().signal };
      await selectLines(inputs, { lines, filter: {} }, this.#output, watch);
    } finally {
      closeAll(inputs);
    }
    this.#printIfFew();
    const followArgv = isJournal
      ? journalFollowArgv(source, this.#startedAt)
      : (source.follow_argv ?? []);
    if (this.#request.parameters.follow !== undefined)
      await this.#followProgram(source, followArgv);
  }

  /** Writes lines that are added to files, until the time is over or the signal is aborted. */
  async #followFiles(globs: readonly string[], inputs: Input[]): Promise<void> {
    const { signal, printer, merger } = this.#pollLoop();
    const follower = new FileFollower(globs, inputs, () => {
      const filter = this.#followFilter();
      return merger.sink((head) => filter.accepts(head));
    });
    try {
      await follower.start();
      for (let nextLook = 0; !signal.aborted; ) {
        if (performance.now() >= nextLook) {
          await follower.poll();
          nextLook = performance.now() + pollIntervalMs;
        }
        await follower.read(signal);
        printer.flush();
        await sleep(readMs, undefined, { signal }).catch(() => {});
      }
      // Lines that exist at the end are included, within a short time limit.
      await follower.read(AbortSignal.timeout(lastReadMs));
    } finally {
      follower.close();
    }
    printer.flush();
  }

  async #followProgram(
    source: SystemdJournalSource | CommandSource,
    argv: string[],
  ): Promise<void> {
    const { signal, printer, merger } = this.#pollLoop();
    const isBoth = source.kind === "command";
    const makeFilter = () => this.#followFilter();
    const pause = () => printer.flush();
    try {
      await runLines(argv, { makeFilter, hasBothStreams: isBoth, merger, pause }, signal);
    } catch (error) {
      // The lines that were collected before are kept.
      if (!(error instanceof ProgramFailure)) throw error;
      this.skipped.push({ path: argv.join(" "), reason: errorText(error) });
    }
  }

  #pollLoop() {
    const seconds = this.#request.parameters.follow ?? 0;
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(seconds * 1_000)]);
    const printer = new BufferedWriter((bytes) => this.#out.write(bytes));
    const merger = new LineMerger((bytes) => {
      this.#output.write(bytes);
      printer.write(bytes);
    }, this.#output.isMidLine);
    return { signal, printer, merger };
  }

  #followFilter(): LineFilter {
    const { grep } = this.#selection.filter;
    return new LineFilter(grep === undefined ? {} : { grep }, this.#startedAt);
  }

  #printIfFew(): void {
    if (this.#output.bytes > this.#request.inline_bytes) return;
    this.#output.replay((bytes) => this.#out.write(bytes));
  }
}

function buildSelection({ parameters }: CollectRequest, now: number): Selection {
  const { lines, since, until, grep } = parameters;
  const wanted: FilterSpec = {};
  const from = since === undefined ? undefined : parseTime(since, now);
  const to = until === undefined ? undefined : parseTime(until, now);
  if (from !== undefined) wanted.since = from;
  if (to !== undefined) wanted.until = to;
  if (grep !== undefined) wanted.grep = new RegExp(grep);
  return { lines, filter: wanted };
}
