/** Selects lines by their time and their text. */
import { parseTimestamp } from "./parseTimestamp.ts";

export interface FilterSpec {
  /** Milliseconds since 1970; both limits are inclusive. */
  since?: number;
  until?: number;
  grep?: RegExp;
}

export class LineFilter {
  readonly #wanted: FilterSpec;
  readonly #reference: number;
  readonly #isTimed: boolean;
  /** Whether the last line with a timestamp was selected; lines without one follow it. */
  #isWithin: boolean | undefined;
  #withoutTimestamp = 0;

  /**
   * @param reference The latest possible time of the last line, for timestamps without a year.
   * @param isWithin Whether the line before the first one was selected, if known.
   */
  constructor(wanted: FilterSpec, reference: number, isWithin?: boolean) {
    this.#isWithin = isWithin;
    this.#wanted = wanted;
    this.#reference = reference;
    this.#isTimed = wanted.since !== undefined || wanted.until !== undefined;
  }

  /** The number of lines before the first timestamp; it is not known whether they match. */
  get withoutTimestamp(): number {
    return this.#withoutTimestamp;
  }

  accepts(head: Uint8Array): boolean {
    const { grep } = this.#wanted;
    if (!this.#isTimed && grep === undefined) return true;
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("utf8");
    if (this.#isTimed && !this.#isInTime(text)) return false;
    return grep === undefined || grep.test(text);
  }

  #isInTime(text: string): boolean {
    const time = parseTimestamp(text, this.#reference);
    if (time !== undefined) {
      const { since = -Infinity, until = Infinity } = this.#wanted;
      this.#isWithin = time >= since && time <= until;
    } else if (this.#isWithin === undefined) this.#withoutTimestamp++;
    return this.#isWithin ?? false;
  }
}

export function isFiltering({ since, until, grep }: FilterSpec): boolean {
  return since !== undefined || until !== undefined || grep !== undefined;
}
