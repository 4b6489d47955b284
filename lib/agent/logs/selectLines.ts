/**
 * Selects lines of files. First it finds where the last `lines` of them start, the newest file
 * first, so that no older file is read unnecessarily. Then it writes these lines, the oldest first.
 */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { type FilterSpec, isFiltering, LineFilter } from "./lineFilter.ts";
import { type LineSink, LineSplitter } from "./lineSplitter.ts";
import type { Bytes } from "./openFile.ts";
import type { Input, Skipped } from "./openInputs.ts";
import { type ReadContext, readChunks, unzipped, withContext } from "./readChunks.ts";
import type { ResultWriter } from "./resultWriter.ts";
import { RingBuffer } from "./ringBuffer.ts";
import { readTail } from "./tail.ts";

/** A file that was last written this long before `since` has no relevant line. */
const slackMs = 24 * 60 * 60 * 1000;

export interface FileCount {
  path: string;
  lines: number;
  /** Lines before the first timestamp, which since and until exclude. */
  lines_without_timestamp?: number;
}

export interface Selection {
  lines: number | "all";
  filter: FilterSpec;
}

/** The part of one file to write. */
interface Part {
  input: Input;
  /** The offset at which to start. */
  from: number;
  /** The number of selected lines from there on that are too old. */
  skip: number;
  /** It starts with a selected line. */
  isWithin?: true;
  withoutTimestamp?: number;
}

/** Writes the selected lines of these files, the oldest of which is first. */
export async function selectLines(
  inputs: readonly Input[],
  selection: Selection,
  output: ResultWriter,
  watch: ReadContext,
): Promise<{ files: FileCount[]; skipped: Skipped[] }> {
  const selector = new LineSelector(selection, output, watch);
  const parts = await selector.plan(inputs);
  const files: FileCount[] = [];
  for (const part of parts) files.push(await selector.write(part));
  const skipped = [...selector.faults].map(([path, reason]) => ({ path, reason }));
  return { files, skipped };
}

class LineSelector {
  /** Files that could not be read to their end. */
  readonly faults = new Map<string, string>();
  readonly #selection: Selection;
  readonly #output: ResultWriter;
  readonly #context: ReadContext;
  /** One buffer for all files, because it may be large. */
  readonly #starts: RingBuffer;

  constructor(selection: Selection, output: ResultWriter, watch: ReadContext) {
    this.#selection = selection;
    this.#output = output;
    this.#context = watch;
    const { lines, filter: wanted } = selection;
    this.#starts = new RingBuffer(lines === "all" || !isFiltering(wanted) ? 1 : lines);
  }

  async plan(inputs: readonly Input[]): Promise<Part[]> {
    const { lines } = this.#selection;
    let needed = lines === "all" ? Infinity : lines;
    const parts: Part[] = [];
    for (const input of [...inputs].reverse()) {
      const part = await this.#planOne(input, needed);
      parts.unshift(part);
      needed -= part.lines;
    }
    return parts;
  }

  async write({ input, from, skip, isWithin, withoutTimestamp }: Part): Promise<FileCount> {
    const { path } = input;
    const before = this.#output.lines;
    const filter = this.#filterFor(input, isWithin);
    let isFirst = true;
    const take = (bytes: Uint8Array) => {
      if (isFirst) this.#output.endLine();
      isFirst = false;
      this.#output.write(bytes);
    };
    let seen = 0;
    const wants = (head: Uint8Array) => filter.accepts(head) && ++seen > skip;
    const isAsItIs = skip === 0 && !isFiltering(this.#selection.filter);
    if (isAsItIs) await this.#read(input, from, take);
    else await this.#readLines(input, from, { accepts: wants, append: take });
    const left = withoutTimestamp ?? filter.withoutTimestamp;
    const lines = this.#output.lines - before;
    return { path, lines, ...(left === 0 ? {} : { lines_without_timestamp: left }) };
  }

  /** Returns where the last `needed` selected lines start, and how many there are. */
  async #planOne(input: Input, needed: number): Promise<Part & { lines: number }> {
    const { filter: wanted } = this.#selection;
    const { since = -Infinity } = wanted;
    if (needed <= 0 || input.modifiedAtMs < since - slackMs) {
      return { input, from: Infinity, skip: 0, lines: 0 };
    }
    if (needed === Infinity) return { input, from: 0, skip: 0, lines: 0 };
    if (!input.isGzip && !isFiltering(wanted)) {
      const tail = await this.#guard(input, () =>
        readTail(this.#openBytes(input), input.end, needed),
      );
      return { input, skip: 0, ...(tail ?? { from: Infinity, lines: 0 }) };
    }
    return this.#planWanted(input, needed);
  }

  /** Reads the whole file once, and keeps the starts of the last selected lines. */
  async #planWanted(input: Input, needed: number): Promise<Part & { lines: number }> {
    const filter = this.#filterFor(input);
    const starts = this.#starts;
    starts.clear();
    const splitter = new LineSplitter({
      accepts: (head) => {
        const isWanted = filter.accepts(head);
        if (isWanted) starts.add(splitter.lineStart);
        return isWanted;
      },
      append: () => {},
    });
    await this.#read(input, 0, (bytes) => splitter.push(bytes));
    splitter.end();
    const lines = Math.min(splitter.wanted, needed);
    const plan = { input, lines, withoutTimestamp: filter.withoutTimestamp };
    if (lines === 0) return { ...plan, from: Infinity, skip: 0 };
    // A compressed file can only be read from its start.
    if (input.isGzip) return { ...plan, from: 0, skip: splitter.wanted - lines };
    return { ...plan, from: starts.earliest(needed) ?? Infinity, skip: 0, isWithin: true };
  }

  #openBytes({ file }: Input): Bytes {
    return withContext(file, this.#context);
  }

  #filterFor({ modifiedAtMs }: Input, isWithin?: boolean): LineFilter {
    return new LineFilter(this.#selection.filter, modifiedAtMs, isWithin);
  }

  async #readLines(input: Input, from: number, sink: LineSink): Promise<number> {
    const splitter = new LineSplitter(sink);
    await this.#read(input, from, (bytes) => splitter.push(bytes));
    splitter.end();
    return splitter.wanted;
  }

  async #read(input: Input, from: number, take: (bytes: Uint8Array) => void): Promise<void> {
    if (from >= input.end) return;
    await this.#guard(input, async () => {
      const chunks = input.isGzip
        ? unzipped(this.#openBytes(input), input.end)
        : readChunks(this.#openBytes(input), from, input.end);
      for await (const chunk of chunks) take(chunk);
    });
  }

  /** Of a damaged file, the lines before the damage are used; `WsctlError`s are thrown. */
  async #guard<T>({ path }: Input, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof WsctlError) throw error;
      this.faults.set(path, `cannot be read to its end: ${errorText(error)}`);
      return undefined;
    }
  }
}
