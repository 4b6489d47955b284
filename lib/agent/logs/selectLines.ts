/**
 * From files to the lines that are wanted: first where the last `lines` of them begin, the newest
 * file first, so that no older one is read in vain; then those lines, the oldest first.
 */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { isFiltering, LineFilter, type Wanted } from "./lineFilter.ts";
import { LineCutter, type LineTaker } from "./lineSplitter.ts";
import type { Bytes } from "./openFile.ts";
import type { Input, Skipped } from "./openInputs.ts";
import { chunksOf, unzipped, type Watch, watched } from "./readChunks.ts";
import type { Output } from "./resultWriter.ts";
import { LastOf } from "./ringBuffer.ts";
import { tailOf } from "./tail.ts";

/** A file that was last written to so long before `since` has no line that is of interest. */
const slackMs = 24 * 60 * 60 * 1000;

export interface FileFacts {
  path: string;
  lines: number;
  /** Lines at its beginning that do not say when they were written; left out by since and until. */
  undated?: number;
}

export interface Selection {
  lines: number | "all";
  wanted: Wanted;
}

/** What of one file is to be written. */
interface Part {
  input: Input;
  /** Where to begin. */
  from: number;
  /** Of the wanted lines behind that, so many are too old. */
  skip: number;
  /** It begins with a line that is wanted. */
  isWithin?: true;
  undated?: number;
}

/** Writes the wanted lines of these files, the oldest of which is first. */
export async function select(
  inputs: readonly Input[],
  selection: Selection,
  output: Output,
  watch: Watch,
): Promise<{ files: FileFacts[]; skipped: Skipped[] }> {
  const selector = new Selector(selection, output, watch);
  const parts = await selector.plan(inputs);
  const files: FileFacts[] = [];
  for (const part of parts) files.push(await selector.write(part));
  const skipped = [...selector.faults].map(([path, reason]) => ({ path, reason }));
  return { files, skipped };
}

class Selector {
  /** Files that could not be read to their end. */
  readonly faults = new Map<string, string>();
  readonly #selection: Selection;
  readonly #output: Output;
  readonly #watch: Watch;
  /** One for all files: it may be large. */
  readonly #starts: LastOf;

  constructor(selection: Selection, output: Output, watch: Watch) {
    this.#selection = selection;
    this.#output = output;
    this.#watch = watch;
    const { lines, wanted } = selection;
    this.#starts = new LastOf(lines === "all" || !isFiltering(wanted) ? 1 : lines);
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

  async write({ input, from, skip, isWithin, undated }: Part): Promise<FileFacts> {
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
    const wants = (head: Uint8Array) => filter.wants(head) && ++seen > skip;
    const isAsItIs = skip === 0 && !isFiltering(this.#selection.wanted);
    if (isAsItIs) await this.#read(input, from, take);
    else await this.#readLines(input, from, { wants, take });
    const left = undated ?? filter.undated;
    const lines = this.#output.lines - before;
    return { path, lines, ...(left === 0 ? {} : { undated: left }) };
  }

  /** Where the last `needed` wanted lines begin, and how many there are. */
  async #planOne(input: Input, needed: number): Promise<Part & { lines: number }> {
    const { wanted } = this.#selection;
    const { since = -Infinity } = wanted;
    if (needed <= 0 || input.modifiedAtMs < since - slackMs) {
      return { input, from: Infinity, skip: 0, lines: 0 };
    }
    if (needed === Infinity) return { input, from: 0, skip: 0, lines: 0 };
    if (!input.isGzip && !isFiltering(wanted)) {
      const tail = await this.#guard(input, () => tailOf(this.#bytesOf(input), input.end, needed));
      return { input, skip: 0, ...(tail ?? { from: Infinity, lines: 0 }) };
    }
    return this.#planWanted(input, needed);
  }

  /** Goes through all of it once, and remembers where the last wanted lines begin. */
  async #planWanted(input: Input, needed: number): Promise<Part & { lines: number }> {
    const filter = this.#filterFor(input);
    const starts = this.#starts;
    starts.clear();
    const cutter = new LineCutter({
      wants: (head) => {
        const isWanted = filter.wants(head);
        if (isWanted) starts.add(cutter.lineStart);
        return isWanted;
      },
      take: () => {},
    });
    await this.#read(input, 0, (bytes) => cutter.push(bytes));
    cutter.end();
    const lines = Math.min(cutter.wanted, needed);
    const plan = { input, lines, undated: filter.undated };
    if (lines === 0) return { ...plan, from: Infinity, skip: 0 };
    // Only what is not compressed can be begun in the middle.
    if (input.isGzip) return { ...plan, from: 0, skip: cutter.wanted - lines };
    return { ...plan, from: starts.earliest(needed) ?? Infinity, skip: 0, isWithin: true };
  }

  #bytesOf({ file }: Input): Bytes {
    return watched(file, this.#watch);
  }

  #filterFor({ modifiedAtMs }: Input, isWithin?: boolean): LineFilter {
    return new LineFilter(this.#selection.wanted, modifiedAtMs, isWithin);
  }

  async #readLines(input: Input, from: number, taker: LineTaker): Promise<number> {
    const cutter = new LineCutter(taker);
    await this.#read(input, from, (bytes) => cutter.push(bytes));
    cutter.end();
    return cutter.wanted;
  }

  async #read(input: Input, from: number, take: (bytes: Uint8Array) => void): Promise<void> {
    if (from >= input.end) return;
    await this.#guard(input, async () => {
      const chunks = input.isGzip
        ? unzipped(this.#bytesOf(input), input.end)
        : chunksOf(this.#bytesOf(input), from, input.end);
      for await (const chunk of chunks) take(chunk);
    });
  }

  /** A file that is damaged gives what comes before the damage; what is ours to say is thrown. */
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
