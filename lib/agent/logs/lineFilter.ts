/** Which lines are wanted: by when they were written and by what is in them. */
import { parseTimestamp } from "./parseTimestamp.ts";

export interface FilterSpec {
  /** Milliseconds since 1970; both are within. */
  since?: number;
  until?: number;
  grep?: RegExp;
}

export class LineFilter {
  readonly #wanted: FilterSpec;
  readonly #reference: number;
  readonly #isTimed: boolean;
  /** Of the last line that said when it was written; lines without a time follow it. */
  #isWithin: boolean | undefined;
  #withoutTimestamp = 0;

  /**
   * `reference`: when the last line was written at the latest, for years that are left out.
   * `isWithin`: of the line before the first, where that is known.
   */
  constructor(wanted: FilterSpec, reference: number, isWithin?: boolean) {
    this.#isWithin = isWithin;
    this.#wanted = wanted;
    this.#reference = reference;
    this.#isTimed = wanted.since !== undefined || wanted.until !== undefined;
  }

  /** Lines before the first that says when it was written: nobody knows if they are within. */
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
