/**
 * From files to the lines that are wanted: first where the last `lines` of them begin, the newest
 * file first, so that no older one is read in vain; then those lines, the oldest first.
 */
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { chunksOf, unzipped, type Watch, watched } from "./chunks.ts";
import { isFiltering, LineFilter, type Wanted } from "./filter.ts";
import type { Input, Skipped } from "./inputs.ts";
import { LineCutter, type LineTaker } from "./lines.ts";
import type { Bytes } from "./openFile.ts";
import type { Output } from "./output.ts";
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

  constructor(selection: Selection, output: Output, watch: Watch) {
    this.#selection = selection;
    this.#output = output;
    this.#watch = watch;
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

  async write({ input, from, skip }: Part): Promise<FileFacts> {
    const { path } = input;
    const before = this.#output.lines;
    const filter = this.#filterFor(input);
    let isFirst = true;
    const take = (bytes: Uint8Array) => {
      if (isFirst) this.#output.endLine();
      isFirst = false;
      this.#output.write(bytes);
    };
    let seen = 0;
    const wants = (head: Uint8Array) => filter.wants(head) && ++seen > skip;
    const isAsItIs = skip === 0 && !isFiltering(this.#selection.wanted);
    const facts = () => ({
      path,
      lines: this.#output.lines - before,
      ...(filter.undated === 0 ? {} : { undated: filter.undated }),
    });
    if (isAsItIs) await this.#read(input, from, take);
    else await this.#readLines(input, from, { wants, take });
    return facts();
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
    const filter = this.#filterFor(input);
    const wants = (head: Uint8Array) => filter.wants(head);
    const lines = await this.#readLines(input, 0, { wants, take: () => {} });
    if (lines === 0 && filter.undated === 0) return { input, from: Infinity, skip: 0, lines };
    return { input, from: 0, skip: Math.max(0, lines - needed), lines: Math.min(lines, needed) };
  }

  #bytesOf({ file }: Input): Bytes {
    return watched(file, this.#watch);
  }

  #filterFor({ modifiedAtMs }: Input): LineFilter {
    return new LineFilter(this.#selection.wanted, modifiedAtMs);
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
